import { formatTimestamp } from './format.ts';
import { type Html, html } from './html.ts';
import { renderSections } from './sections.ts';
import { renderShell } from './shell.ts';
import type { View } from './view.ts';

/** Renders the whole page. Without its script, it shows the same content and reloads itself. */
export function renderDocument(view: View): Html {
  const sections = renderSections(view);
  const { alias, version } = view.status;
  return renderShell(
    {
      title: `${view.overall.label} · ${alias}`,
      head: html`<noscript><meta http-equiv="refresh" content="15"></noscript>
<script src="page.js" defer></script>`,
      heading: html`<h1>${alias}</h1><p id="live" class="note" role="status">as of ${formatTimestamp(view.now)} UTC</p>`,
      main: html`<div id="overall">${sections.overall}</div>
<section aria-labelledby="challenges"><h2 id="challenges">Challenges</h2><div id="figures">${sections.figures}</div><div id="chart">${sections.chart}</div></section>
<div class="columns">
<section aria-labelledby="held"><h2 id="held">Contracts</h2><div id="contracts">${sections.contracts}</div></section>
<div>
<section aria-labelledby="disk"><h2 id="disk">Storage and workers</h2><div id="storage">${sections.storage}</div></section>
<section aria-labelledby="who"><h2 id="who">Node and farmer</h2><div id="node">${sections.node}</div></section>
</div>
</div>
<section aria-labelledby="lines"><h2 id="lines">Log <small>UTC</small></h2><div id="log">${sections.log}</div></section>`,
      footer: html`downstream ${version} · <a href="contracts">contracts</a> · <a href="status">status</a> · <a href="metrics">metrics</a> · <a href="healthz">health</a>`,
    },
    view.now,
  );
}
