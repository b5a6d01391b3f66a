import { request } from 'node:http';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly type: string | undefined;
}

/** Sends a GET request with this `Host`, which `fetch` does not allow to set. */
export async function requestAs(
  host: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    request(url, { headers: { ...headers, Host: host } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      const type = response.headers['content-type'];
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, type }));
    })
      .on('error', reject)
      .end();
  });
}
