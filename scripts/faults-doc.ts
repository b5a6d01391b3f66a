import { writeFileSync } from 'node:fs';
import { EFFECT_GROUPS, EFFECTS, type EffectGroup, type EffectKind, getEffectRoutes } from '@downstream/control-api';
import { formatExpectedOutcome, ROWS } from '../test/faults/matrix.ts';

const GROUPS: Readonly<Record<EffectGroup, string>> = {
  connection: 'The connection fails',
  http: 'HTTP says no',
  body: 'The reply is broken',
  delay: 'The reply is late',
  protocol: 'The node does not keep the protocol',
};

/** docs/faults.md: every effect, from the schemas that the node takes, and what our farmer makes of it, from the matrix. */
export function renderFaultsDoc(): string {
  const effects = EFFECT_GROUPS.map((group) => `### ${GROUPS[group]}\n\n${effectsTable(group)}`).join('\n\n');
  return `# Faults

Made from the code by \`npm run docs\`: change [packages/control-api/src/effects.ts](../packages/control-api/src/effects.ts) or
[test/faults/cases.ts](../test/faults/cases.ts) instead. How faults are set, bounded and aimed: [mock-node.md](mock-node.md).

## What the node can do

*Handled first* says whether the node does what it was asked, so that its state changes, before the client sees the effect. *Where* are the
routes on which an effect can have any. A request takes any number of delays and of the protocol's effects, and one of those that
decide what goes over the wire.

${effects}

## What our farmer makes of it

The farmer × fault matrix: each row is a test (\`test/faults.matrix.ts\`), which switches the fault on for a real farmer of five contracts, holds it to what is
promised, and then waits until it passes with all its room filled again. **passed**: no challenge is lost, and both sides
have counted the same. **degraded**: what is named happens, and nothing else: challenges failed by reason, contracts ended or refused by reason,
chunks spoilt, which are made again. "some" is at least one, "any" may be none: as many as fall into the time. In each case the farmer stays alive and ready, counts the bad replies by route
and outcome in \`farmer_node_requests_total\`, logs no secret, and keeps no file but its contracts' chunks.

${matrixTable()}

A challenge comes every five seconds, where the row does not say otherwise; how long the farmer keeps trying is measured against that.

The farmer's pauses are its own and grow, half a second and more for answers, a tenth of the interval and more for listings: it does not read
\`Retry-After\`, and has no breaker that keeps it from asking a node which is down. Replies are awaited for 15 seconds (a contract for a minute) whatever
the interval: where rounds are shorter than that, one hanging reply can cost more than one round.
`;
}

function effectsTable(group: EffectGroup): string {
  const kinds = (Object.keys(EFFECTS) as EffectKind[]).filter((kind) => EFFECTS[kind].group === group);
  const rows = kinds.map((kind) => {
    const { handled, about } = EFFECTS[kind];
    const routes = getEffectRoutes(kind);
    const where = routes === undefined ? 'everywhere' : routes.map((route) => `\`${route}\``).join(' ');
    return `| \`${kind}\` | ${parametersOf(kind)} | ${handled ? 'yes' : 'no'} | ${where} | ${about} |`;
  });
  return [
    '| kind | parameters | handled first | where | what a client sees |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** With their defaults; one without has to be given. */
function parametersOf(kind: EffectKind): string {
  const words = Object.entries(EFFECTS[kind].parameters.shape).map(([name, schema]) => {
    const { success, data } = schema.safeParse(undefined);
    if (!success) return `\`${name}\``;
    return `\`${name}\` (${data === undefined ? 'none' : JSON.stringify(data)})`;
  });
  return words.join('<br>');
}

/** Routes on which a fault comes to the same share a row. */
function matrixTable(): string {
  const rows = ROWS.map(({ fault, group, on, trial }) => {
    const intervalMs = trial.node?.intervalMs;
    const interval = intervalMs === undefined ? '' : ` A challenge comes every ${intervalMs / 1000} seconds.`;
    return {
      fault: `\`${fault}\` | ${group}`,
      on: `\`${on}\``,
      made: `${formatExpectedOutcome(trial)} | ${trial.does}${interval}`,
    };
  });
  const lines = [...Map.groupBy(rows, ({ fault, made }) => `${fault} ${made}`).values()].flatMap((same) => {
    const [first] = same;
    return first ? [`| ${first.fault} | ${same.map(({ on }) => on).join(' ')} | ${first.made} |`] : [];
  });
  return [
    '| fault | group | on route | promised | what the farmer does |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

if (import.meta.main) writeFileSync(new URL('../docs/faults.md', import.meta.url), renderFaultsDoc());
