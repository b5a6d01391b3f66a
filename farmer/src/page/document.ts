import { type Html, html } from './html.ts';
import { renderSections } from './sections.ts';
import type { View } from './view.ts';

/** Renders the whole page. Without its script, it shows the same content and reloads itself. */
export function renderDocument(view: View): Html {
  const sections = renderSections(view);
  const { alias, version } = view.status;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${view.overall.label} · ${alias}</title>
<link rel="stylesheet" href="base.css">
<link rel="stylesheet" href="page.css">
<link rel="icon" href="data:,">
<noscript><meta http-equiv="refresh" content="15"></noscript>
<script src="page.js" defer></script>
</head>
<body data-now="${Math.round(view.now)}">
<header><h1>${alias}</h1><p id="live" class="note" role="status">as of ${new Date(view.now).toISOString().slice(11, 19)} UTC</p></header>
<main>
<div id="overall">${sections.overall}</div>
<section aria-labelledby="challenges"><h2 id="challenges">Challenges</h2><div id="figures">${sections.figures}</div><div id="chart">${sections.chart}</div></section>
<div class="columns">
<section aria-labelledby="held"><h2 id="held">Contracts</h2><div id="contracts">${sections.contracts}</div></section>
<div>
<section aria-labelledby="disk"><h2 id="disk">Storage and workers</h2><div id="storage">${sections.storage}</div></section>
<section aria-labelledby="who"><h2 id="who">Node and farmer</h2><div id="node">${sections.node}</div></section>
</div>
</div>
<section aria-labelledby="lines"><h2 id="lines">Log <small>UTC</small></h2><div id="log">${sections.log}</div></section>
</main>
<footer><p>downstream ${version} · <a href="status">status</a> · <a href="metrics">metrics</a> · <a href="healthz">health</a></p></footer>
</body>
</html>
`;
}
