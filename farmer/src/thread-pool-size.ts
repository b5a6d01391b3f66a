/**
 * Node.js has four threads for all calls on files, and for looking up hosts: a disk that hangs would hold them all, and with them every other
 * disk and every node. How many there are is read once, at the first such call: so this module is imported before all others.
 */
// biome-ignore lint/style/noProcessEnv: it is Node.js itself that reads it
process.env['UV_THREADPOOL_SIZE'] ??= '64';

export {};
