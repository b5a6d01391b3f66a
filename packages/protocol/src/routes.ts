const PREFIX = '/api/downstream';

export interface RouteDefinition {
  readonly methods: readonly ('get' | 'post' | 'delete')[];
  /** Parameters are written `:name`. */
  readonly path: string;
}

/**
 * Every route of a node's API. Logs, metrics and faults identify a route by its name, never by a path: paths contain
 * tokens.
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
} as const satisfies Record<string, RouteDefinition>;

export type RouteName = keyof typeof ROUTES;

export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

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
