// Parses every diagram of Markdown files with mermaid's own parser; prints the number of diagrams of each file,
// and the errors.

import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// mermaid needs the DOM of a browser to sanitise labels.
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
