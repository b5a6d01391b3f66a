import { toFarmerId, V1_ERRORS } from '@downstream/protocol';
import type { Handlers } from '../api/handler.ts';
import { NOT_FOUND } from '../api/html-errors.ts';
import { json } from '../api/response.ts';
import { computeUptime } from '../ledger/farmer-record.ts';
import type { FarmerFacts } from '../ledger/ledger.ts';
import { reject } from './v1.ts';

/** The node looks up no locations. */
const LOCATION = { city: null, country: null, lat: null, lon: null, state: null, zip: null };

interface FarmerStatus {
  readonly id: string;
  readonly address: string;
  readonly location: typeof LOCATION;
  /** In percent. */
  readonly uptime: number;
  readonly heartbeats: number;
  /** Running contracts and their size. */
  readonly contracts: number;
  readonly size: number;
  readonly lastDueAt: number | undefined;
  readonly online: boolean;
}

const SORT_KEYS = ['id', 'address', 'uptime', 'heartbeats', 'contracts', 'size', 'online'] as const;

/** The public status of farmers. Types differ between the two routes, as in the original node. */
export const v1StatusHandlers: Handlers<'v1_status_list' | 'v1_status_show'> = {
  v1_status_list: ({ params, now, node }) => {
    const selection = parseSelection(params['selection'] ?? '');
    if (selection === undefined) return NOT_FOUND;
    const sortBy = SORT_KEYS.find((key) => key === selection.sortBy);
    if (sortBy === undefined) return reject(V1_ERRORS.invalidSort);
    const { onlineOnly, descending, limit, page } = selection;
    const farmers = [...node.ledger.listFarmers(now)]
      .map((facts) => toStatus(facts, now))
      .filter(({ online }) => online || !onlineOnly)
      .sort((a, b) => compare(a[sortBy], b[sortBy]) * (descending ? -1 : 1))
      .slice(page * limit, (page + 1) * limit)
      .map(({ lastDueAt, online, ...rest }) => ({
        ...rest,
        last_due: lastDueAt === undefined ? null : new Date(lastDueAt).toUTCString(),
        online: online ? 1 : 0,
      }));
    return json({ farmers });
  },
  v1_status_show: ({ params, now, node }) => {
    const facts = node.ledger.listFarmers(now).find(({ record }) => toFarmerId(record.token) === params['farmer']);
    if (facts === undefined) return reject(V1_ERRORS.unknownFarmer, 404);
    const { lastDueAt, ...rest } = toStatus(facts, now);
    return json({
      ...rest,
      // Ended contracts count here.
      contracts: facts.record.contracts,
      size: facts.record.sizeBytes,
      last_due: lastDueAt === undefined ? null : new Date(lastDueAt).toISOString().slice(0, 19),
    });
  },
};

function toStatus({ record, running, runningBytes }: FarmerFacts, now: number): FarmerStatus {
  return {
    id: toFarmerId(record.token),
    address: record.address,
    location: LOCATION,
    uptime: Math.round(computeUptime(record, now) * 10_000) / 100,
    heartbeats: record.passed,
    contracts: running,
    size: runningBytes,
    lastDueAt: record.lastDueAt,
    online: running > 0,
  };
}

/** Parses `[online/][by/[d/]<key>/][<limit>[/<page>]]`. */
function parseSelection(
  path: string,
): { onlineOnly: boolean; descending: boolean; sortBy: string; limit: number; page: number } | undefined {
  const match = /^(online\/)?(?:by\/(d\/)?([^/]+)\/)?(?:(\d{1,9})\/(?:(\d{1,6})\/)?)?$/.exec(
    path === '' || path.endsWith('/') ? path : `${path}/`,
  );
  if (match === null) return undefined;
  const [, online, descending, sortBy = 'id', limit, page = '0'] = match;
  return {
    onlineOnly: online !== undefined,
    descending: descending !== undefined,
    sortBy,
    limit: limit === undefined ? Number.MAX_SAFE_INTEGER : Number(limit),
    page: Number(page),
  };
}

function compare<T extends string | number | boolean>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
