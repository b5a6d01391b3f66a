/**
 * Node.js uses four threads for all file operations and DNS lookups. A disk that hangs would block all of them, and
 * with them all other disks and nodes. Node.js reads the variable at the first such call, so import this module first.
 */
// biome-ignore lint/style/noProcessEnv: Node.js reads this variable
process.env['UV_THREADPOOL_SIZE'] ??= '64';

export {};
