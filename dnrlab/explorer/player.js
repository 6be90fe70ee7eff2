// The player of a clip: frames, heat maps, scores, and gamma and beta as lines. A step needs no kernel.
// It is used by the widget (model: anywidget's) and by the exported page (model: the same three functions).
//
// What it is given: `scene` (texts and numbers), `frames` (one image per frame), `heats` (per network one per frame).
// All images of a clip are decoded before they are shown, and a step draws all of them within one frame of the browser.

const SVG = "http://www.w3.org/2000/svg";
const SPEEDS = [0.25, 0.5, 1, 2];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const decode = (bytes) => createImageBitmap(new Blob([bytes]));

function render({ model, el }) {
  let bitmaps = { frames: [], heats: [] };
  let current = 0;
  let timer = null;
  let report = null;
  let speed = 1;
  let loads = 0; // a later load makes an earlier one void
  let cursors = [];
  let canvases = [];
  let place = null; // the clip that is shown
  let pending = false; // another clip of a long video was asked for

  const stage = element("div", { class: "stage" });
  const plots = element("div", { class: "plots" });
  const where = element("output", { class: "place", "aria-live": "off" });
  const play = element("button", { type: "button", class: "play", onclick: () => toggle() });
  const slider = element("input", {
    type: "range", min: 0, max: 0, value: 0, step: 1, "aria-label": "frame", class: "slider",
    oninput: (event) => show(Number(event.target.value)),
  });
  const pace = element("select", { "aria-label": "speed", onchange: () => { speed = Number(pace.value); restart(); } },
    ...SPEEDS.map((each) => element("option", { value: each, text: `${each} ×` })));
  pace.value = 1;
  const opacity = element("input", {
    type: "range", min: 0, max: 100, value: 100 * model.get("opacity"), step: 5, class: "opacity",
    "aria-label": "opacity of the heat", oninput: () => show(current), onchange: () => {
      model.set("opacity", opacity.value / 100);
      model.save_changes();
    },
  });
  const bar = element("div", { class: "bar" },
    element("button", { type: "button", text: "‹", "aria-label": "previous frame", title: "previous frame (←)", onclick: () => step(-1) }),
    play,
    element("button", { type: "button", text: "›", "aria-label": "next frame", title: "next frame (→)", onclick: () => step(1) }),
    slider, where, element("label", {}, "speed ", pace), element("label", {}, "heat ", opacity));
  const root = element("div", {
    class: "dnrlab-player", role: "group", tabindex: 0, "data-lm-suppress-shortcuts": "true",
    "aria-label": `player: arrow keys step, space plays${model.send ? ", n and p change the video" : ""}`,
  }, stage, bar, element("p", { class: "note", text: `Keys: ← → step, space plays${model.send ? ", n and p change the video" : ""}` }), plots);
  el.append(root);
  root.addEventListener("keydown", onKey);

  // In the explorer around the player n and p work too, but where text is typed; JupyterLab's own keys do not.
  const around = setTimeout(() => {
    const explorer = root.closest(".dnrlab-explorer");
    if (!explorer) return;
    explorer.setAttribute("data-lm-suppress-shortcuts", "true");
    explorer.addEventListener("keydown", onKeyAround);
  });
  function onKeyAround(event) {
    const typed = event.target.matches("textarea, input:not([type=range], [type=checkbox])");
    if (typed || root.contains(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const video = { n: "next", p: "previous" }[event.key];
    if (!video) return;
    event.preventDefault();
    ask(video);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onControl = event.target !== root && event.target !== slider;
    const last = bitmaps.frames.length - 1;
    const does = {
      ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => show(0), End: () => show(last),
      " ": () => toggle(), n: () => ask("next"), p: () => ask("previous"),
    }[event.key];
    if (!does || (onControl && !["n", "p"].includes(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  const ask = (video) => model.send && model.send({ video });
  const length = () => bitmaps.frames.length;

  function step(by) {
    if (!length()) return;
    const next = current + by;
    if ((next < 0 || next >= length()) && model.get("scene").clips > 1) {
      if (!pending) ask(next < 0 ? "earlier" : "later");
      pending = true;
      return;
    }
    show((next + length()) % length());
  }

  function toggle() {
    if (timer) stop();
    else if (length()) start();
  }
  function start() {
    const seconds = (model.get("scene").seconds || []).filter(Number.isFinite);
    const whole = Math.max(...seconds) - Math.min(...seconds); // the frames may run backwards
    const between = whole > 0 && Number.isFinite(whole) ? whole / (length() - 1) : 0.25; // of the frames of the clip
    timer = setInterval(() => step(1), Math.max((1000 * between) / speed, 40));
    label();
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    label();
  }
  function restart() {
    if (timer) { stop(); start(); }
  }
  function label() {
    play.textContent = timer ? "❚❚" : "▶";
    play.setAttribute("aria-label", timer ? "pause" : "play");
    play.title = `${timer ? "pause" : "play"} (space)`;
  }

  // Draw frame `index` everywhere, at once.
  function show(index) {
    if (!length()) return;
    current = Math.min(Math.max(index, 0), length() - 1);
    const frame = bitmaps.frames[current];
    for (const [which, canvas] of canvases.entries()) {
      const pen = canvas.getContext("2d");
      const heat = which ? bitmaps.heats[which - 1]?.[current] : null;
      pen.globalAlpha = 1;
      pen.filter = heat ? "grayscale(1)" : "none";
      pen.drawImage(frame, 0, 0, canvas.width, canvas.height);
      pen.filter = "none";
      if (heat) {
        pen.globalAlpha = opacity.value / 100;
        pen.drawImage(heat, 0, 0, canvas.width, canvas.height);
      }
    }
    for (const cursor of cursors) cursor.setAttribute("transform", `translate(${cursor.at(current)} 0)`);
    const scene = model.get("scene");
    const seconds = scene.seconds?.[current];
    const clip = scene.clips > 1 ? `, clip ${scene.clip + 1} of ${scene.clips}` : "";
    const time = Number.isFinite(seconds) ? `, ${seconds.toFixed(2)} s` : "";
    const text = `frame ${current + 1} of ${length()} (frame ${scene.frame_indices[current] + 1} of the video${time})`;
    where.textContent = text + clip;
    slider.value = current;
    slider.setAttribute("aria-valuetext", text);
    root.dataset.frame = current;
    model.set("frame", current);
    clearTimeout(report);
    report = setTimeout(() => model.save_changes(), 400); // the kernel hears where one stopped, not each step
  }

  // New images: decode all, then show them with the texts that belong to them.
  async function load() {
    const mine = ++loads;
    const scene = model.get("scene");
    const given = [model.get("frames"), ...model.get("heats")];
    root.dataset.loading = "yes";
    let decoded;
    try {
      decoded = await Promise.all(given.map((images) => Promise.all(images.map(decode))));
    } catch (error) {
      stage.replaceChildren(element("p", { class: "error", text: `expected images, got some that the browser cannot read (${error.message}); show another video` }));
      root.dataset.loading = "no";
      return;
    }
    const [frames, ...heats] = decoded;
    if (mine !== loads) return [frames, ...heats].flat().forEach((bitmap) => bitmap.close());
    [bitmaps.frames, ...bitmaps.heats].flat().forEach((bitmap) => bitmap.close());
    bitmaps = { frames, heats };
    slider.max = Math.max(frames.length - 1, 0);
    lay(scene);
    if (scene.place !== place) {
      [place, pending, current] = [scene.place, false, scene.start ?? 0];
      restart();
    }
    if (!frames.length) where.textContent = "";
    show(current);
    root.dataset.clip = scene.key ?? "";
    root.dataset.loading = "no";
  }

  function lay(scene) {
    const [width, height] = length() ? [bitmaps.frames[0].width, bitmaps.frames[0].height] : [1, 1];
    canvases = [];
    const canvasFor = (name) => {
      canvases.push(element("canvas", { width, height, role: "img", "aria-label": name }));
      return canvases.at(-1);
    };
    const figures = [element("figure", {}, canvasFor("frame of the video"),
      element("figcaption", {}, element("b", { text: scene.label ?? "" }), element("span", { class: "path", text: scene.path ?? "" }),
        ...(scene.change ? [element("span", { class: "change", text: `changed: ${scene.change}` })] : [])))];
    for (const run of scene.runs ?? []) {
      const caption = element("figcaption", {}, element("b", { text: run.name }));
      if (run.error) caption.append(element("p", { class: "error", text: run.error }));
      if (run.waiting) caption.append(element("p", { class: "waiting", text: run.waiting }));
      if (run.scores?.length) {
        const right = run.predicted === scene.label;
        const marked = (name) => `${name === scene.label ? "✓" : "✗"} ${name}`;
        const turned = run.was && run.was !== run.predicted ? `${marked(run.was)} → ` : "";
        caption.append(
          element("span", { class: right ? "right" : "wrong", text: turned + marked(run.predicted) }));
        if (run.unchanged) caption.append(element("span", { class: "explained", text: "no score changes" }));
        caption.append(
          element("span", { class: "explained", text: `heat: evidence for ${run.explained}` }), bars(run, scene));
      }
      figures.push(element("figure", {}, canvasFor(`${run.name}: heat map`), caption));
    }
    stage.replaceChildren(...figures);
    stage.style.maxWidth = `${252 * figures.length}px`; // 240 pixels each, and the gaps
    cursors = [];
    plots.replaceChildren(...(scene.lines ? ["gamma", "beta"].map((name) => plot(scene.lines, name)) : []),
      element("p", { class: "note", text: scene.note ?? "" }));
  }

  // The highest scores, each as a bar; with `before`, a mark where the score was before the change.
  function bars(run, scene) {
    const rows = run.scores.map(({ name, score, before }) => {
      const filled = element("span", { class: name === scene.label ? "fill label" : "fill", style: `width:${100 * score}%` });
      const track = element("span", { class: "track" }, filled);
      const changed = Number.isFinite(before);
      if (changed) track.append(element("span", { class: "before", style: `left:${100 * before}%` }));
      const text = changed ? `${before.toFixed(2)} → ${score.toFixed(2)}` : score.toFixed(2);
      return element("div", { class: "score" }, element("span", { class: "name", text: name }), track, element("span", { class: "value", text }));
    });
    return element("div", { class: "scores" }, ...rows);
  }

  // Lines over the frames, one per channel, and a cursor at the current frame.
  function plot(lines, name) {
    const [width, height, left, right, top, bottom] = [460, 170, 44, 8, 22, 30];
    const before = lines.channels.flatMap((line) => (line.before ? [line.before] : []));
    const values = [...lines.rest, ...lines.channels, ...before].flatMap((line) => line[name]);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (high - low < 1e-6) [low, high] = [low - 0.5e-3, high + 0.5e-3];
    const frames = lines.frames;
    const x = (frame) => left + ((frame + 0.5) / frames) * (width - left - right);
    const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
    const title = `${name === "gamma" ? "γ (scale)" : "β (shift)"} of ${lines.layer}, ${lines.run}`;
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    svg.append(drawn("text", { x: left, y: 13, class: "title" }, title));
    for (const value of [low, (low + high) / 2, high]) {
      const digits = high - low < 0.02 ? 4 : high - low < 0.2 ? 3 : 2;
      svg.append(drawn("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }),
        drawn("text", { x: left - 4, y: y(value) + 3, class: "tick end" }, value.toFixed(digits)));
    }
    const every = Math.ceil(frames / 12);
    for (let frame = 0; frame < frames; frame += every)
      svg.append(drawn("text", { x: x(frame), y: height - 16, class: "tick middle" }, String(frame + 1)));
    svg.append(drawn("text", { x: (left + width - right) / 2, y: height - 3, class: "tick middle" }, "frame of the clip"));
    const stairs = (value, frame) => `${x(frame - 0.5)},${y(value)} ${x(frame + 0.5)},${y(value)}`;
    const points = (line) => line[name].map(stairs).join(" ");
    for (const line of lines.rest) svg.append(drawn("polyline", { points: points(line), class: "rest" }));
    for (const line of lines.channels) {
      svg.append(drawn("polyline", { points: points(line), class: "channel", stroke: line.colour }));
      if (line.before) svg.append(drawn("polyline", { points: points(line.before), class: "channel old", stroke: line.colour }));
    }
    const cursor = drawn("line", { x1: 0, x2: 0, y1: top, y2: height - bottom, class: "cursor" });
    cursor.at = x;
    cursors.push(cursor);
    svg.append(cursor);
    const key = lines.channels.map((line) => {
      const swatch = element("span", { class: "swatch", style: `background:${line.colour}` });
      return element("span", { class: "key" }, swatch, `channel ${line.channel}`);
    });
    return element("div", { class: "plot" }, svg, element("div", { class: "keys" }, ...key));
  }

  label();
  load();
  const listened = ["change:scene", "change:frames", "change:heats"];
  let asked = false; // several traits change together: load once
  const onChange = () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => { asked = false; load(); });
  };
  for (const name of listened) model.on(name, onChange);
  return () => {
    loads++;
    stop();
    clearTimeout(report);
    clearTimeout(around);
    root.closest(".dnrlab-explorer")?.removeEventListener("keydown", onKeyAround);
    for (const name of listened) model.off?.(name, onChange);
    [bitmaps.frames, ...bitmaps.heats].flat().forEach((bitmap) => bitmap.close());
  };
}

export default { render };
