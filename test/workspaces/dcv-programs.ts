import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTempDir } from '../../lib/temp-dir.ts';
import { imagesFolder } from '../images/recipes.ts';

/** What a test can change while a program runs: the time in milliseconds, and the password of the desktop. */
const prelude = `
import http.server, json, pathlib, runpy, sys
program, folder, given = runpy.run_path(sys.argv[1]), pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])
read = lambda name: (folder / name).read_text()
now = lambda: int(read("time"))
def serve(handler):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
`;

/** Runs the real program of an image on loopback, on a port of its own. */
export async function startImageProgram(
  file: string,
  code: string,
  settings: object,
  state: Record<string, string | number>,
) {
  const folder = createTempDir('dcv');
  const set = (name: string, value: string | number) => writeFileSync(join(folder, name), String(value));
  for (const [name, value] of Object.entries(state)) set(name, value);
  const path = join(imagesFolder, 'shared/linux', file);
  const child = spawn('python3', ['-B', '-c', prelude + code, path, folder, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    output.once('line', line => {
      resolve(Number(line));
      output.on('line', text => lines.push(text));
    });
  });
  /** The status, the headers and the body of the answer to exactly these bytes. */
  const send = (request: string) =>
    new Promise<{ status: number; headers: Record<string, string>; body: string }>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(request));
      let text = '';
      socket.setEncoding('utf8').on('data', part => {
        text += part;
      });
      socket.on('error', reject).on('end', () => {
        const [head = '', body = ''] = text.split('\r\n\r\n');
        const [first = '', ...rest] = head.split('\r\n');
        const headers = Object.fromEntries(rest.map(line => line.split(': ') as [string, string]));
        resolve({ status: Number(first.split(' ')[1]), headers, body });
      });
    });
  return { set, send, lines, stop: () => void child.kill() };
}
