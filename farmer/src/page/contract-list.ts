import { type Clock, formatBytes, type Instant } from '@downstream/platform';
import { dueAt } from '../contract/contract.ts';
import type { HeldContract } from '../control/held-contract.ts';
import { type HeldContractSources, listInOrder } from '../status/held-contracts.ts';
import { renderId, renderLastResult, renderPhase } from './contract-cells.ts';
import { formatCount, formatTimestamp } from './format.ts';
import { type Html, html } from './html.ts';
import { renderShell } from './shell.ts';

/** What one request costs is bounded by this, however many contracts there are. */
const ROWS = 50;

/** One page of the list of all contracts. Times are those of the system clock. */
export interface ContractList {
  readonly now: Instant;
  readonly alias: string;
  readonly total: number;
  /** The number of this page, from 1, and of all pages. */
  readonly page: number;
  readonly pages: number;
  readonly rows: readonly (HeldContract & { readonly dueAt: Instant })[];
}

/**
 * @param sources undefined while the farmer starts
 * @param page a number that does not exist is replaced by the nearest one
 */
export function readContractList(
  sources: HeldContractSources | undefined,
  { page: requested, alias, clock }: { page: number; alias: string; clock: Pick<Clock, 'now' | 'toWallTime'> },
): ContractList {
  const total = sources?.farmer.nodes.reduce((sum, { contracts }) => sum + contracts.size, 0) ?? 0;
  const pages = Math.max(1, Math.ceil(total / ROWS));
  const page = Math.max(1, Math.min(pages, requested));
  const held = sources === undefined ? [] : listInOrder(sources, { skip: (page - 1) * ROWS, count: ROWS });
  const rows = held.map((each) => ({ ...each, dueAt: clock.toWallTime(dueAt(each.contract)) }));
  return { now: clock.toWallTime(clock.now()), alias, total, page, pages, rows };
}

/** Renders the page at `/contracts`. It needs no script: its times are absolute. */
export function renderContractList({ now, alias, total, page, pages, rows }: ContractList): Html {
  const hasDisks = new Set(rows.map(({ disk }) => disk)).size > 1;
  const first = (page - 1) * ROWS + 1;
  const lines = rows.map(
    ({ contract, node, disk, dueAt: deadline }) =>
      html`<tr><td>${renderId(contract)}</td><td class="name">${node}</td>${hasDisks ? html`<td class="name"><code>${disk ?? '–'}</code></td>` : ''}<td>${formatBytes(contract.terms.sizeBytes)}</td><td>${renderPhase(contract)}</td><td>${renderLastResult(contract)}</td><td>${formatTimestamp(deadline)}</td></tr>`,
  );
  const body =
    total === 0
      ? html`<p>No contracts yet.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="List of contracts"><table>
<caption>${formatCount(first)} to ${formatCount(first + rows.length - 1)} of ${formatCount(total)}, by node and in the order of acceptance</caption>
<thead><tr><th scope="col">contract</th><th scope="col">node</th>${hasDisks ? html`<th scope="col">disk</th>` : ''}<th scope="col">size</th><th scope="col">phase</th><th scope="col">last result</th><th scope="col">deadline (UTC)</th></tr></thead>
<tbody>${lines}</tbody></table></div>
${renderPager(page, pages)}`;
  return renderShell({
    title: `Contracts · ${alias}`,
    heading: html`<h1>Contracts <small>of ${alias}</small></h1><p class="note">as of ${formatTimestamp(now)} UTC</p>`,
    main: html`<section class="list" aria-label="Contracts">${body}</section>`,
    footer: html`<a href="./">status page</a>`,
  });
}

function renderPager(page: number, pages: number): Html {
  const link = (to: number, text: string, rel?: string) =>
    to < 1 || to > pages || to === page
      ? html`<span class="note">${text}</span>`
      : html`<a href="contracts?page=${to}"${rel === undefined ? '' : html` rel="${rel}"`}>${text}</a>`;
  return html`<nav class="pager" aria-label="Pages">${link(1, 'first')} ${link(page - 1, 'previous', 'prev')} <span>page ${formatCount(page)} of ${formatCount(pages)}</span> ${link(page + 1, 'next', 'next')} ${link(pages, 'last')}</nav>`;
}
