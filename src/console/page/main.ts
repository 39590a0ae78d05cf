import { html, render } from 'lit-html';
const root = document.getElementById('console');
if (root !== null) render(html`<p>Claviger</p>`, root);
