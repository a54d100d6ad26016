"use strict";
// Builds the matrix of pairs from the data of the page, and shows the walk of the chosen pair. Every text is set
// as text, never as HTML.
(function () {
  const data = JSON.parse(document.getElementById("walks").textContent);
  const count = data.machines.length;
  const matrix = document.getElementById("matrix");
  const walk = document.getElementById("walk");
  const from = document.getElementById("from");
  const to = document.getElementById("to");
  const buttons = new Map();
  let current = null;

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function pair(one, other) {
    return data.pairs[one * count + other];
  }

  function describe(one, other) {
    const found = pair(one, other);
    const way = { internet: "direct, over the Internet", site: "direct, in the local network of " + found.path[1],
      relay: "through " + found.path[1], none: "no tunnel to its address" }[found.path[0]];
    const failing = found.failing.length ? ", " + found.failing.length + " fail" : "";
    return data.machines[one] + " to " + data.machines[other] + ": " + way + ", " + found.holding +
      " flows proven" + failing;
  }

  function drawMatrix() {
    const head = element("thead");
    const row = element("tr");
    row.append(element("td", ""));
    data.machines.forEach(function (name) {
      const cell = element("th", name);
      cell.scope = "col";
      row.append(cell);
    });
    head.append(row);
    const body = element("tbody");
    for (let one = 0; one < count; one++) {
      const row = element("tr");
      const name = element("th", data.machines[one]);
      name.scope = "row";
      row.append(name);
      for (let other = 0; other < count; other++) {
        const cell = element("td");
        const found = pair(one, other);
        if (found) cell.append(button(one, other, found));
        row.append(cell);
      }
      body.append(row);
    }
    matrix.append(head, body);
  }

  function button(one, other, found) {
    const kind = found.failing.length ? "fails" : found.path[0];
    const made = element("button", found.failing.length ? "✗" : "✓", kind);
    made.type = "button";
    made.tabIndex = -1;
    made.setAttribute("aria-label", describe(one, other));
    made.setAttribute("aria-pressed", "false");
    made.title = describe(one, other);
    made.addEventListener("click", function () { choose(one, other); });
    made.addEventListener("keydown", function (event) { move(event, one, other); });
    buttons.set(one * count + other, made);
    return made;
  }

  // Arrow keys lead to the next pair in their direction; only one button takes part in the order of Tab.
  function move(event, one, other) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    let row = one + step[0], column = other + step[1];
    while (row >= 0 && column >= 0 && row < count && column < count) {
      const next = buttons.get(row * count + column);
      if (next) {
        makeTabStop(next);
        next.focus();
        return;
      }
      row += step[0];
      column += step[1];
    }
  }

  function makeTabStop(button) {
    buttons.forEach(function (other) { other.tabIndex = -1; });
    button.tabIndex = 0;
  }

  function choose(one, other) {
    const chosen = buttons.get(one * count + other);
    if (!chosen) return;
    if (current) current.setAttribute("aria-pressed", "false");
    chosen.setAttribute("aria-pressed", "true");
    makeTabStop(chosen);
    current = chosen;
    from.value = String(one);
    fillTargets(one);
    to.value = String(other);
    show(one, other);
    history.replaceState(null, "", "#pair=" + encodeURIComponent(data.machines[one]) + "/" +
      encodeURIComponent(data.machines[other]));
  }

  function show(one, other) {
    const found = pair(one, other);
    walk.textContent = "";
    walk.append(element("h3", describe(one, other)));
    if (found.failing.length) {
      const names = found.failing.map(function (flow) { return data.flows[flow]; });
      walk.append(element("p", "Flows that fail: " + names.join(", ")));
    }
    if (!found.walk) {
      walk.append(element("p", "No packet is walked between these two: every flow between them must be blocked, or is " +
        "between other parties."));
      return;
    }
    walk.append(element("p", "A packet of the flow " + data.flows[found.walk[0]] + ", and its answer:"));
    const list = element("ol");
    found.walk[1].forEach(function (step) {
      const item = element("li");
      item.append(element("span", data.machines[step[0]] + ": ", "at"), element("span", data.texts[step[1]]));
      if (step[2] !== null) {
        const place = data.files[step[2]] + (step[3] ? ":" + step[3] : "");
        item.append(element("br"), element("span", place, "place"));
      }
      list.append(item);
    });
    walk.append(list);
  }

  function option(select, index) {
    const made = element("option", data.machines[index]);
    made.value = String(index);
    select.append(made);
  }

  function fillTargets(one) {
    to.textContent = "";
    for (let other = 0; other < count; other++) if (pair(one, other)) option(to, other);
  }

  function chosenByHash() {
    const names = /^#pair=([^/]*)\/([^/]*)$/.exec(location.hash);
    if (!names) return;
    const found = [names[1], names[2]].map(function (name) {
      return data.machines.indexOf(decodeURIComponent(name));
    });
    if (found[0] >= 0 && found[1] >= 0) choose(found[0], found[1]);
  }

  drawMatrix();
  for (let one = 0; one < count; one++) {
    if (data.pairs.slice(one * count, (one + 1) * count).some(Boolean)) option(from, one);
  }
  const first = buttons.values().next().value;
  if (first) first.tabIndex = 0;
  fillTargets(Number(from.value));
  from.addEventListener("change", function () {
    fillTargets(Number(from.value));
    choose(Number(from.value), Number(to.value));
  });
  to.addEventListener("change", function () { choose(Number(from.value), Number(to.value)); });
  document.getElementById("choice").hidden = false;
  window.addEventListener("hashchange", chosenByHash);
  chosenByHash();
})();
