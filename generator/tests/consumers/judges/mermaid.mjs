// Has mermaid's own parser read every picture of Markdown files; prints how many each file has, and
// what is wrong with those that are none.

import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// It cleans the text of labels with a browser's means.
const { window } = new JSDOM();
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");

for (const file of process.argv.slice(2)) {
  const pictures = [...readFileSync(file, "utf8").matchAll(/^ *```mermaid\n(.*?)^ *```$/gms)];
  for (const [index, [, picture]] of pictures.entries()) {
    try {
      await mermaid.parse(picture);
    } catch (fault) {
      console.log(`${file}, picture ${index + 1}: ${fault.message}`);
      process.exitCode = 1;
    }
  }
  console.log(`${file}: ${pictures.length} pictures`);
}
