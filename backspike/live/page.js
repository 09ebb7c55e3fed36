// The page of `backspike live`: it draws, asks, and shows. What is computed, the server computes.
"use strict";

const PEN = 10; // pixels of the surface
const STEP = 4; // pixels that an arrow key moves the pen
const element = id => document.getElementById(id);
const number = value => value.toLocaleString("en");
const percent = share => `${(100 * share).toFixed(1)} %`;

let state = null;
let told = null; // what was shown last
let learned = null; // how it was learned, if it was
let asking = Promise.resolve();

// -- asking -------------------------------------------------------------------------------------------------------

/** Ask the server, after all that was asked before; returns null, with a sentence on the page, if it cannot be done. */
function ask(name, values = {}) {
  const answer = asking.then(async () => {
    let content;
    try {
      const response = await fetch(name, {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(values),
      });
      content = await response.json();
    } catch {
      content = {error: "The server has ended: start `backspike live` again."};
    }
    complain(content.error);
    if (content.error) {
      if (state && name !== "state") refresh(); // a device may be lost
      return null;
    }
    state = content.state;
    showState();
    return content;
  });
  asking = answer;
  return answer;
}

async function refresh() {
  const response = await fetch("state", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: "{}",
  }).catch(() => null);
  if (response?.ok) {
    state = (await response.json()).state;
    showState();
  }
}

function complain(sentence) {
  element("fault").hidden = !sentence && !state?.lost;
  element("fault").firstElementChild.textContent = sentence ?? (state?.lost ? "The device is lost." : "");
}

/** Complain here, without the server: after all that was asked before, whose answers take complaints away. */
function refuse(sentence) {
  asking = asking.then(() => complain(sentence));
}

// -- drawing ------------------------------------------------------------------------------------------------------

const visible = element("drawing");
const surface = document.createElement("canvas");
const pen = {x: 0, y: 0, down: false, keyboard: false};
let undone = []; // images before each stroke
let ink;

function begin(side) {
  surface.width = surface.height = side;
  ink = surface.getContext("2d", {willReadFrequently: true});
  ink.lineWidth = PEN;
  ink.lineCap = ink.lineJoin = "round";
  pen.x = pen.y = side / 2;
  paint();
}

function remember() {
  undone.push(ink.getImageData(0, 0, surface.width, surface.height));
  undone = undone.slice(-100);
}

function stroke(x, y, erase = false) {
  ink.globalCompositeOperation = erase ? "destination-out" : "source-over";
  ink.beginPath();
  ink.moveTo(pen.x, pen.y);
  ink.lineTo(x, y);
  ink.stroke();
  // A line without length is none.
  ink.beginPath();
  ink.arc(x, y, PEN / 2, 0, 2 * Math.PI);
  ink.fill();
}

function move(x, y) {
  const last = surface.width - 1;
  pen.x = Math.min(last, Math.max(0, x));
  pen.y = Math.min(last, Math.max(0, y));
}

function paint() {
  const side = Math.max(1, Math.round(visible.clientWidth * devicePixelRatio));
  visible.width = visible.height = side;
  const context = visible.getContext("2d");
  context.drawImage(surface, 0, 0, side, side);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = color("--ink");
  context.fillRect(0, 0, side, side);
  if (pen.keyboard && document.activeElement === visible) {
    context.globalCompositeOperation = "source-over";
    context.strokeStyle = color("--orange");
    context.lineWidth = 2 * devicePixelRatio;
    const scale = side / surface.width;
    context.beginPath();
    context.arc(pen.x * scale, pen.y * scale, PEN / 2 * scale, 0, 2 * Math.PI);
    context.stroke();
  }
}

function alphas() {
  const pixels = ink.getImageData(0, 0, surface.width, surface.height).data;
  return pixels.filter((_, index) => index % 4 === 3);
}

const blank = () => !alphas().some(value => value > 127);

const drawing = () => btoa(String.fromCharCode(...alphas()));

function position(event) {
  const box = visible.getBoundingClientRect();
  const scale = surface.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

visible.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  visible.setPointerCapture(event.pointerId);
  remember();
  pen.down = true;
  pen.keyboard = false;
  const [x, y] = position(event);
  move(x, y);
  stroke(x, y);
  changed();
});
visible.addEventListener("pointermove", event => {
  if (!pen.down) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) {
    const [x, y] = position(part);
    stroke(x, y);
    move(x, y);
  }
  changed();
});
for (const end of ["pointerup", "pointercancel"]) visible.addEventListener(end, () => { pen.down = false; });

const ARROWS = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]};
visible.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const arrow = ARROWS[event.key];
  if (!arrow && event.key !== " ") return;
  event.preventDefault();
  pen.keyboard = true;
  if (!arrow) {
    const at = Math.round(pen.y) * surface.width + Math.round(pen.x);
    remember();
    stroke(pen.x, pen.y, alphas()[at] > 127);
    changed();
  } else if (event.shiftKey) {
    if (!event.repeat) remember();
    const [x, y] = [pen.x, pen.y];
    move(x + arrow[0], y + arrow[1]);
    stroke(x, y);
    changed();
  } else {
    move(pen.x + arrow[0], pen.y + arrow[1]);
    paint();
  }
});
for (const kind of ["focus", "blur"]) visible.addEventListener(kind, paint);

element("clear").addEventListener("click", () => {
  remember();
  ink.clearRect(0, 0, surface.width, surface.height);
  changed();
});
element("undo").addEventListener("click", () => {
  const image = undone.pop();
  if (image) ink.putImageData(image, 0, 0);
  changed();
});

let due = false; // the drawing has changed since it was last shown to the network
let showing = false;

async function changed() {
  paint();
  due = true;
  if (showing) return;
  showing = true;
  while (due) {
    due = false;
    if (blank()) {
      showNothing();
    } else {
      const answer = await ask("answer", {drawing: drawing()});
      if (answer && !blank()) [told, learned] = [answer, null];
      showTold();
    }
  }
  showing = false;
}

// -- what the network did -----------------------------------------------------------------------------------------

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const called = label => state.names[label] ?? `free output ${label}`;

function showNothing() {
  told = learned = null;
  element("answer").textContent = "Draw something.";
  showTold();
}

function showTold() {
  for (const row of element("classes").children) {
    const wins = told?.wins[row.dataset.label] ?? 0;
    const all = told?.wins.reduce((sum, value) => sum + value, 0) ?? 1;
    row.classList.toggle("winner", told?.winner === Number(row.dataset.label));
    row.style.setProperty("--share", wins / all);
    row.querySelector(".wins").textContent = told ? wins : "";
  }
  showSeen();
  showRaster();
  if (!told) {
    element("work").textContent = "";
    return;
  }
  const sum = told.wins.reduce((total, value) => total + value, 0);
  const answer = `${called(told.winner)}, in ${told.wins[told.winner]} of ${sum} ticks`;
  const shown = learned ?? told;
  const changed = shown.changes.reduce((total, value) => total + value, 0);
  element("answer").textContent = !learned
    ? `It is ${answer}.`
    : `${changed ? "Learned." : "It was right in every tick: nothing to learn."} Now it answers ${answer}.`;
  const changes = learned ? `; ${number(changed)} times a weight moved by one step` : "";
  element("work").textContent =
    `${shown.ticks} ticks, ${number(shown.reads)} synapses read and added (SynOps)${changes}. ` +
    `A dense float network of these layers multiplies ${number(shown.dense)} times for an answer.`;
}

function showSeen() {
  const [height, width] = state.image;
  const canvas = element("seen");
  canvas.width = width;
  canvas.height = height;
  canvas.style.aspectRatio = `${width} / ${height}`;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const value = told?.image[at] ?? 0;
    image.data.set([value, value, value, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
  element("seen-size").textContent = `${height}x${width}`;
}

/** Panels of the raster, from the top: name, units, and lists of ticks and units with their colours. */
function panels(shown) {
  const found = [{name: "inputs", units: state.layers[0], marks: [[shown.inputs, "--grey"]]}];
  const errors = index => ({
    name: index < shown.spikes.length ? `layer ${index + 1} errors` : "output errors",
    units: state.layers[index + 1],
    marks: [[shown.positive[index], "--orange"], [shown.negative[index], "--violet"]],
  });
  shown.spikes.forEach((marks, index) => {
    found.push({name: `layer ${index + 1} spikes`, units: state.layers[index + 1], marks: [[marks, "--blue"]]});
    if (learned) found.push(errors(index));
  });
  if (learned) found.push(errors(shown.spikes.length));
  const won = fits => shown.winners.flatMap((winner, tick) => (winner >= 0 && fits(winner) ? [tick, winner] : []));
  const marks = learned
    ? [[won(winner => winner === learned.label), "--blue"], [won(winner => winner !== learned.label), "--orange"]]
    : [[won(() => true), "--blue"]];
  found.push({name: "winner", units: state.layers.at(-1), marks});
  return found;
}

function showRaster() {
  const canvas = element("raster");
  const shown = learned ?? told;
  const width = canvas.clientWidth;
  const all = shown ? panels(shown) : [];
  const heights = all.map(({units}) => Math.min(150, Math.max(36, 3 * units)));
  const [left, gap, bottom] = [98, 8, shown ? 22 : 0];
  const height = heights.reduce((sum, value) => sum + value + gap, bottom);
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.height = `${height}px`;
  if (!shown) {
    canvas.setAttribute("aria-label", "Nothing was shown yet");
    return;
  }
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = "12px system-ui, sans-serif";
  const ticks = shown.winners.length;
  const step = (width - left - 1) / ticks;
  let top = 0;
  const words = [];
  all.forEach(({name, units, marks}, index) => {
    const row = heights[index] / units;
    context.strokeStyle = color("--line");
    context.strokeRect(left - 0.5, top + 0.5, width - left, heights[index] - 1);
    context.fillStyle = color("--soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(name, left - 8, top + heights[index] / 2);
    for (const [places, paintName] of marks) {
      context.fillStyle = color(paintName);
      for (let at = 0; at < places.length; at += 2) {
        context.fillRect(
          left + places[at] * step, top + places[at + 1] * row, Math.max(1, step * 0.75), Math.max(1, row * 0.8));
      }
    }
    words.push(`${name}: ${marks.map(([places]) => places.length / 2).join(" and ")}`);
    top += heights[index] + gap;
  });
  context.fillStyle = color("--soft");
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText("tick 0", left, height - 6);
  context.textAlign = "right";
  context.fillText(`${ticks - 1}`, width - 1, height - 6);
  canvas.setAttribute("aria-label", `Marks in ${ticks} ticks: ${words.join("; ")}`);
}

// -- teaching -----------------------------------------------------------------------------------------------------

async function teach(label) {
  if (blank()) {
    refuse("Draw something first.");
    return;
  }
  const answer = await ask("learn", {drawing: drawing(), label});
  if (!answer) return;
  [told, learned] = [answer.now, {...answer, label}];
  showTold();
  evaluate();
}

async function evaluate() {
  const answer = await ask("evaluate");
  if (answer) showFacts(answer);
}

element("new").addEventListener("submit", async event => {
  event.preventDefault();
  const answer = await ask("name", {name: element("symbol").value});
  if (!answer) return;
  element("symbol").value = "";
  element("classes").querySelector(`[data-label="${answer.label}"] button`).focus();
});

let learning = false;

async function learnSamples(count) {
  learning = true;
  showState();
  while (learning && count > 0) {
    const answer = await ask("epoch", {
      samples: Math.min(count, state.dataset.atOnce, 100), rehearse: element("rehearse").checked,
    });
    if (!answer) break;
    count -= answer.shown;
    // The end of an epoch is the end.
    if (state.dataset.position === 0) break;
  }
  learning = false;
  showState();
  await evaluate();
  if (told) changed();
}
element("some").addEventListener("click", () => learnSamples(100));
element("epoch").addEventListener("click", () => {
  if (learning) learning = false;
  else learnSamples(Infinity);
});

element("take-back").addEventListener("click", async () => {
  if (await ask("take-back")) {
    await evaluate();
    changed();
  }
});

const FORGET = element("forget").textContent;
let really;
element("forget").addEventListener("click", async () => {
  clearTimeout(really);
  if (element("forget").textContent === FORGET) {
    element("forget").textContent = "Really forget?";
    really = setTimeout(() => { element("forget").textContent = FORGET; }, 4000);
    return;
  }
  element("forget").textContent = FORGET;
  if (await ask("forget")) {
    await evaluate();
    changed();
  }
});
element("save").addEventListener("click", async () => {
  if (await ask("save")) element("saved").textContent = `Saved to ${state.saved}, with the names beside it.`;
});
element("connect").addEventListener("click", async () => {
  if (await ask("connect") && told) changed();
});

// -- what is known ------------------------------------------------------------------------------------------------

function showState() {
  const lessons = state.learned.reduce((sum, value) => sum + value, 0);
  element("network").textContent = `${state.network}, ${state.layers.join("-")} units, on ${state.where}.`;
  complain(element("fault").hidden ? undefined : element("fault").firstElementChild.textContent || undefined);
  element("connect").hidden = !state.lost;
  showClasses();
  const free = state.names.filter(name => name === null).length;
  element("new").hidden = !free;
  element("free").textContent = free
    ? `${free} output unit${free > 1 ? "s are" : " is"} free for new symbols.`
    : "All output units have a name. With --spare 2 the command begins with two more.";
  element("from-dataset").hidden = !state.dataset;
  if (state.dataset) {
    const {name, train, position, epoch} = state.dataset;
    element("place").textContent =
      `It can also learn ${name}, in the order of a training: ${number(position)} of ${number(train)} samples of epoch ${epoch + 1}.`;
    element("rehearsal").hidden = !lessons;
    element("progress").value = position / train;
    element("some").disabled = learning;
    element("epoch").textContent = learning ? "Stop" : "Learn to the end of the epoch";
  }
  element("take-back").disabled = learning || !state.canTakeBack;
  element("forget").disabled = learning || !(lessons || state.fromDataset || state.names.join() !== names0);
  element("save").hidden = state.out === null;
  element("save").textContent = `Save to ${state.out}`;
  fact("drawings learned", number(lessons) + detail());
  if (state.dataset) fact(`samples of ${state.dataset.name} learned`, number(state.fromDataset) + (state.rehearsed ? `, and ${number(state.rehearsed)} times a drawing again` : ""));
}

let names0; // the names at the first look

const detail = () => {
  const parts = state.names.flatMap((name, label) => (state.learned[label] ? [`${name} ${state.learned[label]}`] : []));
  return parts.length ? ` (${parts.join(", ")})` : "";
};

function showFacts({accuracy, lessons, lessonsRight}) {
  if (accuracy !== null) fact("kept test samples right", `${percent(accuracy)}; ${percent(state.before)} when it began`);
  fact("drawings right, asked again", lessons ? `${lessonsRight} of ${lessons}` : "none yet");
}

function fact(name, value) {
  const list = element("facts");
  let entry = [...list.children].find(child => child.textContent === name);
  if (!entry) {
    entry = document.createElement("dt");
    entry.textContent = name;
    list.append(entry, document.createElement("dd"));
  }
  entry.nextElementSibling.textContent = value;
}

function showClasses() {
  const list = element("classes");
  state.names.forEach((name, label) => {
    let row = list.children[label];
    if (!row) {
      row = document.createElement("li");
      row.dataset.label = label;
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => teach(label));
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.append(document.createElement("span"));
      const wins = document.createElement("span");
      wins.className = "wins";
      row.append(button, bar, wins);
      list.append(row);
    }
    const button = row.firstElementChild;
    button.textContent = name ?? "free";
    button.title = name ?? ""; // long ones are cut
    button.disabled = name === null || learning;
    button.setAttribute("aria-label", name === null ? `Output ${label} is free` : `It was ${name}: learn it`);
  });
}

// -- begin --------------------------------------------------------------------------------------------------------

addEventListener("resize", () => { paint(); if (state) showRaster(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); if (state) showRaster(); });
// Another tab may have taught it something.
document.addEventListener("visibilitychange", () => { if (!document.hidden && state) refresh(); });

ask("state").then(answer => {
  if (!answer) return;
  names0 = state.names.join();
  begin(state.surface);
  showState();
  showTold();
  evaluate();
});
