"use strict";
(() => {
  // Tables: a click on a heading sorts by it, a second click the other way; what is empty stands last in both.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, heading) => {
    const column = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading));
    }
  }

  // Drawings: a node that is pointed at, or has the focus, shows its neighbors, its name and its value.
  const connect = (figure) => {
    const svg = figure.querySelector("svg");
    const nodes = new Map([...svg.querySelectorAll(".node")].map((node) => [node.dataset.node, node]));
    const edges = [...svg.querySelectorAll(".edge")];
    const readout = figure.querySelector(".readout");
    const silence = readout.textContent;
    const clear = () => {
      svg.classList.remove("dimmed");
      for (const item of svg.querySelectorAll(".hot, .near")) item.classList.remove("hot", "near");
      readout.textContent = silence;
    };
    const show = (node) => {
      clear();
      svg.classList.add("dimmed");
      node.classList.add("hot");
      const own = node.dataset.node;
      for (const edge of edges) {
        const { from, to } = edge.dataset;
        if (from !== own && to !== own) continue;
        edge.classList.add("near");
        nodes.get(from === own ? to : from).classList.add("near");
      }
      readout.textContent = node.querySelector("title").textContent;
    };
    for (const node of nodes.values()) {
      node.addEventListener("mouseenter", () => show(node));
      node.addEventListener("mouseleave", clear);
      node.addEventListener("focus", () => show(node));
      node.addEventListener("blur", clear);
    }
    zoom(figure, svg);
  };

  const zoom = (figure, svg) => {
    const whole = svg.getAttribute("viewBox").split(" ").map(Number);
    let box = [...whole];
    const apply = () => svg.setAttribute("viewBox", box.join(" "));
    const scale = (factor, x = box[0] + box[2] / 2, y = box[1] + box[3] / 2) => {
      const width = Math.min(Math.max(box[2] * factor, whole[2] / 20), whole[2] * 2);
      const ratio = width / box[2];
      box = [x - (x - box[0]) * ratio, y - (y - box[1]) * ratio, width, box[3] * ratio];
      apply();
    };
    const place = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY);
      return point.matrixTransform(svg.getScreenCTM().inverse());
    };
    const actions = { closer: () => scale(1 / 1.3), farther: () => scale(1.3), whole: () => { box = [...whole]; apply(); } };
    for (const button of figure.querySelectorAll(".tools button")) {
      button.addEventListener("click", actions[button.dataset.action]);
    }
    svg.addEventListener("wheel", (event) => {
      // Else a reader who scrolls down the page would be caught in the first drawing.
      if (!event.ctrlKey && !svg.contains(document.activeElement)) return;
      event.preventDefault();
      const { x, y } = place(event);
      scale(event.deltaY < 0 ? 1 / 1.15 : 1.15, x, y);
    }, { passive: false });
    let start = null;
    svg.addEventListener("pointerdown", (event) => { start = place(event); });
    svg.addEventListener("pointermove", (event) => {
      if (start === null || !event.buttons) return;
      const here = place(event);
      box = [box[0] + start.x - here.x, box[1] + start.y - here.y, box[2], box[3]];
      apply();
    });
    window.addEventListener("pointerup", () => { start = null; });
  };
  for (const figure of document.querySelectorAll("figure.network")) connect(figure);
  document.documentElement.dataset.ready = "true";
})();
