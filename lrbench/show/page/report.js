"use strict";
// Without this script the page still shows everything; it adds values under the pointer, zoom and sorting.
for (const article of document.querySelectorAll("article")) {
  for (const table of article.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const value = (row) => row.cells[column].textContent;
        const order = (a, b) => {
          const [x, y] = [parseFloat(value(a)), parseFloat(value(b))];
          const text = Number.isNaN(x) || Number.isNaN(y);
          return text ? value(a).localeCompare(value(b)) : x - y;
        };
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => (up ? order(a, b) : order(b, a))));
      });
    });
  }

  const looks = article.querySelector(".looks");
  if (looks) {
    const stories = [...looks.querySelectorAll(".story")];
    const slider = looks.querySelector("input");
    const tell = () => {
      stories.forEach((story, i) => { story.hidden = i !== Number(slider.value); });
      looks.querySelector("output").textContent = stories[Number(slider.value)].dataset.seeds;
    };
    slider.addEventListener("input", tell);
    looks.querySelector(".choice").hidden = false;
    tell();
  }

  const key = article.dataset.section;
  const data = JSON.parse(document.getElementById(`${key}-data`).textContent);
  const charts = [...article.querySelectorAll("svg.chart")];
  const tip = article.querySelector(".tip");
  const zoom = article.querySelector(".zoom");
  if (!zoom) continue; // figures from elsewhere have no curves
  const [from, to] = ["from", "to"].map((name) => zoom.querySelector(`[data-zoom=${name}]`));
  const whole = { from: 0, to: Number(to.max) };
  let view = { ...whole };

  const visible = (line) => document.getElementById(`${key}-switch-${line.number}`).checked;
  const number = (value, percent) => {
    if (percent) return `${(100 * value).toFixed(2)} %`;
    const size = Math.abs(value); // as lrbench/show/numbers.py writes it
    return size >= 1e5 ? value.toExponential(3) : `${Number(value.toPrecision(4))}`;
  };

  function place(chart, line, i, x, y) {
    const { percent, by } = data[Number(chart.dataset.chart)];
    const mark = chart.querySelector(".mark");
    const at = 72 + (560 * (line.x[i] - view.from)) / (view.to - view.from);
    mark.setAttribute("cx", at);
    mark.setAttribute("cy", 12 + line.y[i]);
    mark.removeAttribute("hidden");
    const epoch = by === "epoch" ? `${line.x[i]}` : line.x[i].toFixed(2);
    tip.textContent = `${line.label}, epoch ${epoch}: ${number(line.values[i], percent)} (n = ${line.counts[i]})`;
    const box = chart.getBoundingClientRect();
    const left = x ?? box.left + (box.width * at) / 644;
    const top = y ?? box.top + (box.height * (12 + line.y[i])) / 290;
    tip.style.left = `${Math.max(4, Math.min(left + 14, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, top - tip.offsetHeight - 12)}px`;
  }

  function leave(chart) {
    chart.querySelector(".mark").setAttribute("hidden", "");
    tip.textContent = "";
  }

  function nearest(chart, x, y) {
    let best = null;
    for (const line of data[Number(chart.dataset.chart)].lines.filter(visible)) {
      line.x.forEach((at, i) => {
        if (at < view.from || at > view.to) return;
        const dx = (560 * (at - x)) / (view.to - view.from);
        const distance = 4 * dx * dx + (line.y[i] - y) ** 2;
        if (!best || distance < best.distance) best = { line, i, distance };
      });
    }
    return best;
  }

  for (const chart of charts) {
    const at = { line: 0, i: 0 };
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = view.from + (((event.clientX - box.left) * 644) / box.width - 72) * ((view.to - view.from) / 560);
      const y = ((event.clientY - box.top) * 290) / box.height - 12;
      const found = nearest(chart, x, y);
      if (found) place(chart, found.line, found.i, event.clientX, event.clientY);
      else leave(chart);
    });
    chart.addEventListener("pointerleave", () => leave(chart));
    chart.addEventListener("blur", () => leave(chart));
    chart.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (event.key === "Escape") leave(chart);
      const lines = data[Number(chart.dataset.chart)].lines.filter((line) => visible(line) && line.x.length);
      if (!move || !lines.length) return;
      event.preventDefault();
      const begins = !tip.textContent; // the first key shows where one stands, the next ones move
      at.line = begins ? 0 : (at.line + move[0] + lines.length) % lines.length;
      const line = lines[at.line];
      const inside = line.x.map((_, i) => i).filter((i) => line.x[i] >= view.from && line.x[i] <= view.to);
      if (!inside.length) return leave(chart);
      at.i = begins ? inside[0] : Math.max(inside[0], Math.min(inside.at(-1), at.i + move[1]));
      place(chart, line, at.i);
    });
  }

  article.querySelector(".switches").addEventListener("change", () => charts.forEach(leave));

  function draw() {
    for (const chart of charts) {
      chart.querySelector(".plot").setAttribute("viewBox", `${view.from} 0 ${view.to - view.from} 240`);
      const axis = chart.querySelector(".x-axis");
      axis.textContent = "";
      const step = Math.max(1, Math.ceil((view.to - view.from) / 8));
      for (let epoch = view.from; epoch <= view.to; epoch += step) {
        const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        text.setAttribute("class", "tick");
        text.setAttribute("x", 72 + (560 * (epoch - view.from)) / (view.to - view.from));
        text.setAttribute("y", 270);
        text.textContent = epoch;
        axis.append(text);
      }
      for (const mark of chart.querySelectorAll(".beyond")) { // where a curve leaves the y axis
        const epoch = Number(mark.dataset.epoch);
        mark.toggleAttribute("hidden", epoch < view.from || epoch > view.to);
        const x = 72 + (560 * (epoch - view.from)) / (view.to - view.from);
        mark.setAttribute("transform", `translate(${x},${mark.dataset.y})`);
      }
      leave(chart);
    }
    zoom.querySelector("output").textContent = `${view.from} to ${view.to}`;
  }

  zoom.addEventListener("input", (event) => {
    if (Number(to.value) <= Number(from.value)) {
      if (event.target === from) from.value = Number(to.value) - 1;
      else to.value = Number(from.value) + 1;
    }
    view = { from: Number(from.value), to: Number(to.value) };
    draw();
  });
  zoom.querySelector("button").addEventListener("click", () => {
    [from.value, to.value] = [whole.from, whole.to];
    view = { ...whole };
    draw();
  });
  if (whole.to > 1) {
    zoom.hidden = false;
    draw();
  }
}
