const PREFIX = '/api/downstream';
/** All paths of the v1 API begin with it. */
export const V1_PREFIX = `${PREFIX}/v1`;

export interface RouteDefinition {
  readonly methods: readonly ('get' | 'post' | 'delete')[];
  /** Parameters are written `:name`. */
  readonly path: string;
  /** Further paths under which a node serves the route. `*name` is a parameter of one or more segments. */
  readonly alternatives?: readonly string[];
}

/**
 * Every route of both APIs of a node: the prototype API, and the v1 API with the prefix `v1_`. Logs, metrics and faults
 * identify a route by its name, never by a path: paths contain tokens.
 */
export const ROUTES = {
  connectivity: { methods: ['get'], path: '/' },
  new: { methods: ['get'], path: `${PREFIX}/new/:address` },
  chunk: { methods: ['get'], path: `${PREFIX}/chunk/:token` },
  due: { methods: ['get'], path: `${PREFIX}/due/:token` },
  challenge: { methods: ['get'], path: `${PREFIX}/challenge/:token/:hash/:response` },
  remove: { methods: ['get', 'delete'], path: `${PREFIX}/remove/:token/:hash` },
  download: { methods: ['get'], path: `${PREFIX}/download/:hash` },
  challenges: { methods: ['get'], path: `${PREFIX}/challenges/:filename` },
  answer: { methods: ['post'], path: `${PREFIX}/challenges/answer/:filename` },
  v1_root: { methods: ['get'], path: `${V1_PREFIX}/` },
  v1_new: { methods: ['get', 'post'], path: `${V1_PREFIX}/new/:address` },
  v1_heartbeat: { methods: ['get'], path: `${V1_PREFIX}/heartbeat/:token` },
  v1_chunk: {
    methods: ['get'],
    path: `${V1_PREFIX}/chunk/:token/:size`,
    alternatives: [`${V1_PREFIX}/chunk/:token`],
  },
  v1_challenge: { methods: ['get', 'post'], path: `${V1_PREFIX}/challenge/:token` },
  v1_answer: { methods: ['post'], path: `${V1_PREFIX}/answer/:token` },
  v1_status_list: {
    methods: ['get'],
    path: `${V1_PREFIX}/status/list`,
    alternatives: [`${V1_PREFIX}/status/list/*selection`],
  },
  v1_status_show: { methods: ['get'], path: `${V1_PREFIX}/status/show/:farmer` },
} as const satisfies Record<string, RouteDefinition>;

export type RouteName = keyof typeof ROUTES;
/** Routes of the v1 API. */
export type V1RouteName = Extract<RouteName, `v1_${string}`>;

export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

export function isV1Route(route: RouteName): route is V1RouteName {
  return route.startsWith('v1_');
}

type Parameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Parameters<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

export type PathParameters<Name extends RouteName> = Readonly<
  Record<Parameters<(typeof ROUTES)[Name]['path']>, string>
>;

/** The path of one request. Each parameter is encoded, so its value can neither add a segment nor a query. */
export function buildPath<Name extends RouteName>(route: Name, parameters: PathParameters<Name>): string {
  const values: Readonly<Record<string, string>> = parameters;
  return ROUTES[route].path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}
