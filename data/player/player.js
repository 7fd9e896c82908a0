// Plays the scenes that stand in the page: one at a time, the way kept in the address.
// Without this script the page is a book whose choices are links.
"use strict";
(() => {
  const body = document.body;
  const scenes = new Map([...document.querySelectorAll(".scene")].map((s) => [Number(s.id.slice(1)), s]));
  const parents = (node) => scenes.get(node).dataset.parents.split(" ").filter(Boolean).map(Number);
  const tool = (name) => document.getElementById(name);
  const store = `forkreel ${body.dataset.story}`;
  let way = [0];
  let seen = new Set();

  // Storage may be forbidden to a page from a file; then nothing is remembered.
  function recall(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  }
  function remember(key, value) {
    try { localStorage.setItem(key, value); } catch { /* not here */ }
  }

  /** The way that an address names: "#way=0.2.8", or "#n8" by first parents; null when wrong. */
  function wayOf(hash) {
    const path = /^#way=([0-9.]+)$/.exec(hash);
    if (path) {
      const nodes = path[1].split(".").map(Number);
      const fits = nodes.every((node, i) => scenes.has(node) &&
        (i ? parents(node).includes(nodes[i - 1]) : node === 0));
      return fits ? nodes : null;
    }
    const single = /^#n([0-9]+)$/.exec(hash);
    if (single && scenes.has(Number(single[1]))) {
      const nodes = [Number(single[1])];
      while (nodes[0] !== 0) nodes.unshift(parents(nodes[0])[0]);
      return nodes;
    }
    return null;
  }

  function go(nodes) {
    location.hash = `way=${nodes.join(".")}`; // the browser's own "back" works too
  }

  function showMap() {
    const list = tool("way");
    list.replaceChildren(...way.map((node, i) => {
      const item = document.createElement("li");
      const words = scenes.get(node).querySelector("h2").textContent;
      if (i === way.length - 1) {
        item.textContent = words;
        item.setAttribute("aria-current", "step");
      } else {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = words;
        button.addEventListener("click", () => go(way.slice(0, i + 1)));
        item.append(button);
      }
      return item;
    }));
    const endings = [...scenes.keys()].filter((n) => scenes.get(n).dataset.ending);
    tool("seen").textContent = body.dataset.seen
      .replace("{seen}", seen.size).replace("{all}", scenes.size)
      .replace("{found}", endings.filter((n) => seen.has(n)).length)
      .replace("{endings}", endings.length);
  }

  function show(moves) {
    const node = way[way.length - 1];
    seen.add(node);
    remember(store, [...seen].join(" "));
    for (const [index, scene] of scenes) scene.hidden = index !== node;
    const scene = scenes.get(node);
    tool("back").disabled = tool("restart").disabled = way.length === 1;
    showMap();
    if (moves) {
      scene.classList.remove("comes");
      void scene.offsetWidth; // lets the animation begin anew
      scene.classList.add("comes");
      scene.querySelector("h2").focus({ preventScroll: true });
      window.scrollTo(0, 0);
      const n = scene.querySelectorAll(".choices a").length;
      tool("said").textContent = scene.dataset.ending
        ? scene.querySelector(".ending").textContent
        : body.dataset.said.replace("{step}", way.length).replace("{n}", n);
    }
  }

  function toggle(name, panels, attribute) {
    const button = tool(name);
    const is = button.getAttribute(attribute) !== "true";
    button.setAttribute(attribute, is);
    for (const panel of panels) panel.hidden = !is;
  }
  const showWhy = () => toggle("why", document.querySelectorAll(".why, .like"), "aria-pressed");
  const showWay = () => toggle("map", [tool("map-panel")], "aria-expanded");
  const back = () => way.length > 1 && go(way.slice(0, -1));
  const restart = () => way.length > 1 && go([0]);

  function changeTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember("forkreel theme", root.dataset.theme);
  }

  body.addEventListener("click", (event) => {
    const link = event.target.closest(".choices a");
    if (link) {
      event.preventDefault();
      go([...way, Number(link.hash.slice(2))]);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const choices = scenes.get(way[way.length - 1]).querySelectorAll(".choices a");
    const key = event.key.toLowerCase();
    if (/^[1-9]$/.test(key) && choices[key - 1]) choices[key - 1].click();
    else if (key === "b") back();
    else if (key === "r") restart();
    else if (key === "m") showWay();
    else if (key === "w") showWhy();
    else return;
    event.preventDefault();
  });
  tool("back").addEventListener("click", back);
  tool("restart").addEventListener("click", restart);
  tool("map").addEventListener("click", showWay);
  tool("why").addEventListener("click", showWhy);
  tool("theme").addEventListener("click", changeTheme);
  window.addEventListener("hashchange", () => {
    way = wayOf(location.hash) ?? [0];
    show(true);
  });

  const theme = recall("forkreel theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  seen = new Set((recall(store) ?? "").split(" ").filter(Boolean).map(Number).filter((n) => scenes.has(n)));
  for (const panel of document.querySelectorAll(".why, .like")) panel.hidden = true;
  tool("tools").hidden = false;
  body.classList.add("plays");
  way = wayOf(location.hash) ?? [0];
  show(false);
})();
