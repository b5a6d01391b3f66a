import type { Contract } from '../contract/contract.ts';
import { isRebuilding } from '../farming/repair-counts.ts';
import { formatLabel } from './format.ts';
import { type Html, html } from './html.ts';

const SHOWN_ID_CHARS = 10;

/** The beginning of the contract's ID, as a link to its recent challenges. */
export function renderId({ terms: { id } }: Contract): Html {
  return html`<a href="status/contracts/${id}"><code>${id.slice(0, SHOWN_ID_CHARS)}</code></a>`;
}

/** The phase, and what delays the answer of the current round. A chunk that existed is rebuilt, not generated. */
export function renderPhase(contract: Contract): Html {
  const { obstacle } = contract;
  const delay = obstacle === undefined ? '' : html`<br><small class="warning-text">${formatLabel(obstacle)}</small>`;
  return html`${isRebuilding(contract) ? 'rebuilding' : contract.phase}${delay}`;
}

export function renderLastResult({ last }: Contract): Html {
  if (last === undefined) return html`–`;
  return last === 'passed' || last === 'unknown'
    ? html`${last}`
    : html`<span class="critical-text">✕ ${formatLabel(last)}</span>`;
}
