
"use strict";
const form = document.getElementById("filter");
const findings = [...document.querySelectorAll(".finding")];
const texts = new Map();

const textOf = (finding) => {
  if (!texts.has(finding)) texts.set(finding, finding.textContent.toLowerCase());
  return texts.get(finding);
};

const filter = () => {
  const wanted = new FormData(form);
  const verdicts = wanted.getAll("verdict");
  const text = wanted.get("text").trim().toLowerCase();
  const fits = (name, value) => !wanted.get(name) || wanted.get(name) === value;
  let shown = 0;
  for (const finding of findings) {
    const { verdict, family, subject } = finding.dataset;
    const stays = verdicts.includes(verdict) && fits("family", family) && fits("subject", subject)
      && (!text || textOf(finding).includes(text));
    finding.hidden = !stays;
    shown += stays;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".finding:not([hidden])");
  for (const row of document.querySelectorAll("tbody tr")) row.hidden = !fits("family", row.dataset.family);
  form.elements.shown.value = `${shown} of ${findings.length} findings`;
};

const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.closest("[hidden]")) { form.reset(); filter(); }
  const finding = target.closest(".finding");
  if (finding) finding.open = true;
  target.scrollIntoView();
};

const again = ({ target }) => {
  const link = target.closest("a[href^='#']");
  if (link && link.hash === location.hash) open();
};

const copy = async (button) => {
  const text = button.nextElementSibling;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected: copy it from here";
  }
};

form.hidden = false;
for (const kind of ["input", "change"]) form.addEventListener(kind, filter);
form.addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
addEventListener("hashchange", open);
addEventListener("click", again);
filter();
open();
