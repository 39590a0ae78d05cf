/** The search of the documentation: words in headings and texts, from a list that is loaded when it is first needed. */
const field = document.getElementById('search');
const list = document.getElementById('found');
const root = document.body.dataset['root'] ?? '';
const MOST = 20;

field.closest('.search').hidden = false;

/** Sections as `[target, page, heading, text]`; loaded once. */
let sections = null;

function load() {
  sections ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${root}assets/sections.js`;
    script.addEventListener('load', () => resolve(globalThis.sections));
    script.addEventListener('error', reject);
    document.head.append(script);
  });
  return sections;
}

/** Sections that have all words, those that have them in the heading first. */
function search(all, words) {
  const scored = [];
  for (const [target, page, heading, text] of all) {
    const [above, below] = [`${heading} ${page}`.toLowerCase(), text.toLowerCase()];
    if (!words.every((word) => above.includes(word) || below.includes(word))) continue;
    const score = words.filter((word) => heading.toLowerCase().includes(word)).length * 2;
    scored.push({ target, page, heading, text, score: score + words.filter((word) => above.includes(word)).length });
  }
  return scored.sort((a, b) => b.score - a.score).slice(0, MOST);
}

function excerpt(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
  return `${at > 0 ? '…' : ''}${text.slice(at, at + 120)}`;
}

function row({ target, page, heading, text }, word) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  const about = document.createElement('small');
  link.href = root + target;
  link.textContent = heading === page ? heading : `${page}: ${heading}`;
  about.textContent = excerpt(text, word);
  link.append(about);
  item.append(link);
  return item;
}

async function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return list.replaceChildren();
  const found = search(await load(), words);
  list.replaceChildren(...found.map((each) => row(each, words[0])));
}

field.addEventListener('focus', load);
field.addEventListener('input', show);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    field.value = '';
    list.replaceChildren();
  } else if (event.key === '/' && event.target === document.body) {
    event.preventDefault();
    field.focus();
  }
});
