"use strict";
(() => {
  // Curves on or off, values under the pointer, zoom. One state for each chart: the shown part of the time axis, from 0 to 1.
  const clock = (seconds) => {
    const second = Math.floor(((seconds % 86400) + 86400) % 86400);
    const two = (number) => String(number).padStart(2, "0");
    return `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
  };
  const format = (value) =>
    value === null || value === undefined ? "none" : value.toLocaleString("en-US", { maximumFractionDigits: 3 });

  const start = (box) => {
    const svg = box.querySelector("svg.chart");
    const data = JSON.parse(box.querySelector(".chart-data").textContent);
    const left = Number(svg.dataset.left);
    const right = Number(svg.dataset.right);
    const begin = Number(svg.dataset.begin);
    const seconds = Number(svg.dataset.seconds);
    const count = data.curves[0].values.length;
    const cursor = svg.querySelector(".cursor");
    const selection = svg.querySelector(".selection");
    const readout = box.querySelector(".readout");
    const clocks = svg.querySelector(".clock");
    const clockY = clocks.querySelector("text")?.getAttribute("y") ?? "0";
    let from = 0;
    let to = 1;
    let column = null;

    const x = (at) => left + ((at / seconds - from) / (to - from)) * (right - left);
    const labels = () => {
      const shown = (to - from) * seconds;
      const step = data.timeSteps.find((one) => shown / one <= 10) ?? data.timeSteps.at(-1);
      clocks.replaceChildren();
      const first = Math.ceil((data.midnight + from * seconds) / step) * step;
      for (let time = first; time <= data.midnight + to * seconds; time += step) {
        const place = x(time - data.midnight);
        if (place < left + 15 || place > right - 15) continue;
        const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        text.setAttribute("x", place.toFixed(1));
        text.setAttribute("y", clockY);
        text.textContent = step % 60 === 0 ? clock(time).slice(0, 5) : clock(time);
        clocks.append(text);
      }
    };
    const draw = () => {
      const scale = 1 / (to - from);
      const shift = left - left * scale - from * scale * (right - left);
      for (const group of svg.querySelectorAll(".zoom")) {
        group.setAttribute("transform", `translate(${shift} 0) scale(${scale} 1)`);
      }
      for (const mark of svg.querySelectorAll("[data-at]")) {
        const place = x(Number(mark.dataset.at) - begin).toFixed(1);
        for (const name of mark.tagName === "line" ? ["x1", "x2"] : ["x"]) mark.setAttribute(name, place);
      }
      for (const bar of svg.querySelectorAll("[data-from]")) {
        const start = x(Number(bar.dataset.from) - begin);
        bar.setAttribute("x", start.toFixed(1));
        bar.setAttribute("width", Math.max(x(Number(bar.dataset.to) - begin) - start, 0.5).toFixed(1));
      }
      labels();
      show(column);
    };
    const show = (wanted) => {
      column = wanted === null ? null : Math.min(Math.max(wanted, 0), count - 1);
      cursor.toggleAttribute("hidden", column === null);
      readout.hidden = false;
      for (const curve of data.curves) {
        const reading = box.querySelector(`.reading[data-curve="${curve.key}"]`);
        reading.textContent = column === null ? "" : format(curve.values[column]);
      }
      readout.textContent = column === null ? "" : clock(data.midnight + (column + 1) * data.step - 0.001);
      if (column === null) return;
      const place = Math.min(Math.max(x((column + 0.5) * data.step), left), right).toFixed(1);
      cursor.setAttribute("x1", place);
      cursor.setAttribute("x2", place);
    };
    const zoom = (a, b) => {
      const least = Math.min(1, 10 / count);
      const width = Math.min(Math.max(b - a, least), 1);
      from = Math.min(Math.max((a + b) / 2 - width / 2, 0), 1 - width);
      to = from + width;
      draw();
    };
    const zoomBy = (factor) => {
      const middle = column === null ? (from + to) / 2 : (column + 0.5) / count;
      const part = (middle - from) / (to - from);
      const width = (to - from) * factor;
      zoom(middle - part * width, middle - part * width + width);
    };
    // The part of the whole axis at a place of the pointer.
    const part = (event) => {
      const frame = svg.getBoundingClientRect();
      const place = ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
      return from + Math.min(Math.max((place - left) / (right - left), 0), 1) * (to - from);
    };

    let dragged = null;
    svg.addEventListener("pointermove", (event) => {
      show(Math.floor(part(event) * count));
      if (dragged === null) return;
      const ends = [x(dragged * seconds), x(part(event) * seconds)].sort((a, b) => a - b);
      selection.toggleAttribute("hidden", ends[1] - ends[0] < 4);
      selection.setAttribute("x", ends[0]);
      selection.setAttribute("width", ends[1] - ends[0]);
    });
    svg.addEventListener("pointerleave", () => {
      if (document.activeElement !== svg) show(null);
    });
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) dragged = part(event);
    });
    addEventListener("pointerup", (event) => {
      if (dragged !== null && !selection.hasAttribute("hidden")) {
        zoom(Math.min(dragged, part(event)), Math.max(dragged, part(event)));
      }
      dragged = null;
      selection.setAttribute("hidden", "");
    });
    svg.addEventListener("dblclick", () => zoom(0, 1));
    svg.addEventListener("keydown", (event) => {
      const stride = Math.max(1, Math.round(((to - from) * count) / 120));
      const keys = {
        ArrowLeft: () => show((column ?? count) - stride),
        ArrowRight: () => show((column ?? -1) + stride),
        Home: () => show(0),
        End: () => show(count - 1),
        Escape: () => show(null),
        "+": () => zoomBy(0.5),
        "=": () => zoomBy(0.5),
        "-": () => zoomBy(2),
        0: () => zoom(0, 1),
      };
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      keys[event.key]();
      event.preventDefault();
    });
    for (const button of box.querySelectorAll("[data-zoom]")) {
      const actions = { in: () => zoomBy(0.5), out: () => zoomBy(2), all: () => zoom(0, 1) };
      button.addEventListener("click", actions[button.dataset.zoom]);
    }
    for (const toggle of box.querySelectorAll("input[data-curve]")) {
      toggle.hidden = false;
      toggle.addEventListener("change", () => {
        for (const path of svg.querySelectorAll(`[data-curve="${toggle.dataset.curve}"]`)) {
          path.classList.toggle("off", !toggle.checked);
        }
      });
    }
    box.querySelector(".tools").hidden = false;
    show(null);
  };
  for (const box of document.querySelectorAll(".chart-box")) {
    if (box.querySelector("svg.chart")) start(box);
  }
})();
