import { type Html, html } from './html.ts';

export interface Shell {
  readonly title: string;
  /** Further elements of the head. */
  readonly head?: Html;
  readonly heading: Html;
  readonly main: Html;
  readonly footer: Html;
}

/** What all pages of the farmer have in common. `data-now` is for the script. */
export function renderShell({ title, head, heading, main, footer }: Shell, now?: number): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="base.css">
<link rel="stylesheet" href="page.css">
<link rel="icon" href="data:,">
${head}
</head>
<body${now === undefined ? '' : html` data-now="${Math.round(now)}"`}>
<header>${heading}</header>
<main>
${main}
</main>
<footer><p>${footer}</p></footer>
</body>
</html>
`;
}
