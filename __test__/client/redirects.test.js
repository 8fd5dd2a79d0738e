'use strict';

// The option followRedirects: where a client goes, and which headers it sends
// there.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const { describe } = require('node:test');

const { head, serve, upgradeResponse } = require('../support/handshake.js');
const { parity } = require('../support/scenario.js');

const fixtures = path.join(__dirname, '..', 'fixtures');
const credentials = {
  cert: fs.readFileSync(path.join(fixtures, 'certificate.pem')),
  key: fs.readFileSync(path.join(fixtures, 'key.pem'))
};

/**
 * Redirects requests for `/`, and accepts all others.
 *
 * @param {any} notebook The notebook
 * @param {string} name The name of the server
 * @param {(url: string) => string | undefined} locate Gives the location
 * @param {string} [status] The status of the redirect
 * @return {(request: any, socket: any) => void} A listener for 'upgrade'
 */
function guide(notebook, name, locate, status = '302 Found') {
  return (request, socket) => {
    const { authorization, cookie, foo, host } = request.headers;
    const location = locate(request.url);

    notebook.note(name, request.url, { authorization, cookie, foo, host });
    socket.on('error', () => {});
    socket.end(
      location === undefined
        ? upgradeResponse(request)
        : head(`HTTP/1.1 ${status}`, { Location: location })
    );
  };
}

/**
 * @param {object} [options] Options of a client besides the common ones
 * @return {object}
 */
function following(options) {
  return {
    ca: credentials.cert,
    followRedirects: true,
    perMessageDeflate: false,
    ...options
  };
}

/**
 * Tests a client that is redirected within one server.
 *
 * @param {string} name The name of the test
 * @param {string} location Where it is redirected
 * @param {object} [options] Its options
 * @param {(ws: any, notebook: any) => void} [prepare] Called with the client
 * @param {string} [status] The status of the redirect
 */
function goes(name, location, options, prepare = () => {}, status) {
  parity(name, async (WebSocket, notebook) => {
    const onward = (url) => (url === '/from/here' ? location : undefined);
    const port = await serve(notebook, {
      upgrade: guide(notebook, 'server', onward, status)
    });
    const ws = new WebSocket(
      `ws://127.0.0.1:${port}/from/here`,
      following(options)
    );
    const closed = notebook.watch(ws);

    prepare(ws, notebook);
    await closed;
    notebook.note(ws.url, ws._redirects, ws._errorEmitted, ws._req === null);
    notebook.note(
      Object.keys(ws).filter((key) => key.startsWith('_original')),
      ws._originalHostOrSocketPath
    );
  });
}

describe('A redirect', () => {
  for (const location of [
    '/to',
    'to',
    '../to?query',
    '?query',
    '//',
    'http://',
    'foo:bar',
    'ftp://localhost/',
    'ws://localhost/#fragment',
    '#fragment',
    'ws+unix:',
    'http://[',
    ''
  ]) {
    goes(`to ${JSON.stringify(location)}`, location);
  }

  for (const status of [
    '300 Multiple Choices',
    '301 Moved Permanently',
    '304 Not Modified',
    '308 Permanent Redirect',
    '399 Odd',
    '299 Odd',
    '400 Bad Request'
  ]) {
    goes(`of status ${status}`, '/to', {}, undefined, status);
  }

  goes('is unexpected by default', '/to', { followRedirects: false });
  goes('may lead nowhere', undefined, {}, undefined, '302 Found');
  goes('may lead too far', '/to', { maxRedirects: 0 });

  for (const maxRedirects of [undefined, 0, 1, 3]) {
    parity(
      `ends after ${maxRedirects} at the most`,
      async (WebSocket, notebook) => {
        const port = await serve(notebook, {
          upgrade: guide(notebook, 'server', (url) => `${url}x`)
        });
        const ws = new WebSocket(
          `ws://127.0.0.1:${port}/`,
          following(maxRedirects === undefined ? {} : { maxRedirects })
        );

        await notebook.watch(ws);
        notebook.note(ws._redirects, ws.url);
      }
    );
  }

  goes(
    'has a timeout for each request',
    '/to',
    { handshakeTimeout: 5000 },
    (ws, notebook) => {
      ws.on('redirect', (_url, request) => {
        notebook.note(request.listenerCount('timeout'));
      });
    }
  );
  goes('is requested by finishRequest', '/to', {
    finishRequest: (request) => request.end()
  });

  parity('to the scheme http', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      upgrade: (request, socket) => listener(request, socket)
    });
    const listener = guide(notebook, 'server', (url) =>
      url === '/' ? `http://127.0.0.1:${port}/to` : undefined
    );
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, following());

    await notebook.watch(ws);
    notebook.note(ws.url);
  });

  parity('uses each of the keys once', async (WebSocket, notebook) => {
    const keys = new Set();
    const port = await serve(notebook, {
      upgrade(request, socket) {
        keys.add(request.headers['sec-websocket-key']);
        guide(notebook, 'server', (url) => (url === '/' ? '/to' : undefined))(
          request,
          socket
        );
      }
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, following());

    await notebook.watch(ws);

    return keys.size;
  });
});

describe("The event 'redirect'", () => {
  goes('gives the address and the request', '/to', {}, (ws, notebook) => {
    ws.on('redirect', (url, request, ...more) => {
      notebook.note(url, more.length, request === ws._req, ws._redirects);
      notebook.note(request.getHeader('upgrade'), ws.readyState);
    });
  });
  goes(
    'lets headers be removed',
    '/to',
    { headers: { Cookie: 'a', Foo: 'b' } },
    (ws) => {
      ws.on('redirect', (_url, request) => {
        request.removeHeader('foo');
        request.removeHeader('Cookie');
      });
    }
  );

  for (const [name, action] of [
    ['abort()', (_ws, request) => request.on('socket', () => request.abort())],
    ['destroy()', (_ws, request) => request.destroy()],
    ['an error', (_ws, request) => request.destroy(new Error('mine'))],
    ['close()', (ws) => ws.close()],
    ['terminate()', (ws) => ws.terminate()]
  ]) {
    goes(`allows ${name}`, '/to', {}, (ws, notebook) => {
      ws.on('redirect', (_url, request) => {
        action(ws, request);
        notebook.note('state', ws.readyState);
      });
    });
  }
});

describe('What was meant for the first server', () => {
  const headers = {
    Authorization: 'Basic Zm9vOmJhcg==',
    cookie: 'a=b',
    Foo: 'bar',
    Host: 'elsewhere'
  };

  goes('goes along to the same', '/to', { headers });
  goes('goes along as auth', '/to', { auth: 'a:b' });

  /**
   * Tests a client that is redirected to another server, and maybe back.
   *
   * @param {string} name The name of the test
   * @param {(ports: number[], url: string) => string | undefined} first Gives the
   *     first server's location
   * @param {(ports: number[], url: string) => string | undefined} second Gives
   *     the second server's
   * @param {object} options Those of the client
   * @param {{ isListening?: boolean, secure?: boolean[], userinfo?: string }}
   *     [how] What is unusual
   */
  function wanders(name, first, second, options, how = {}) {
    const { isListening, secure = [], userinfo = '' } = how;

    parity(name, async (WebSocket, notebook) => {
      const ports = [];

      for (const [index, locate] of [first, second].entries()) {
        const server = secure[index]
          ? https.createServer(credentials)
          : http.createServer();

        ports.push(
          await serve(notebook, {
            server,
            upgrade: guide(notebook, index, (url) => locate(ports, url))
          })
        );
      }

      const scheme = secure[0] ? 'wss' : 'ws';
      const ws = new WebSocket(
        `${scheme}://${userinfo}localhost:${ports[0]}/`,
        following({ ...options, host: undefined, family: 4 })
      );
      const closed = notebook.watch(ws);

      if (isListening) ws.on('redirect', (url) => notebook.note(url));
      await closed;
      notebook.note(ws.url, ws._redirects);
    });
  }

  const toSecond = ([, port], url) =>
    url === '/' ? `ws://localhost:${port}/` : undefined;
  const toFirst = ([port]) => `ws://localhost:${port}/back`;
  const stay = () => undefined;

  wanders('stays behind', toSecond, stay, { headers });
  wanders('stays behind as auth', toSecond, stay, { auth: 'a:b' });
  wanders(
    'goes along with a listener',
    toSecond,
    stay,
    { headers },
    {
      isListening: true
    }
  );
  wanders('is there again on the way back', toSecond, toFirst, { headers });
  wanders('is there again as auth', toSecond, toFirst, { auth: 'a:b' });

  for (const options of [{}, { headers }, { auth: 'a:b' }]) {
    const title = JSON.stringify(Object.keys(options));

    wanders(
      `stays behind with userinfo and ${title}`,
      toSecond,
      toFirst,
      options,
      { userinfo: 'first:one@' }
    );
    wanders(
      `is not replaced by the userinfo of another, with ${title}`,
      ([, port], url) =>
        url === '/' ? `ws://second:two@localhost:${port}/` : undefined,
      toFirst,
      options,
      { userinfo: 'first:one@' }
    );
    wanders(
      `is not replaced by userinfo where there was none, with ${title}`,
      ([, port], url) =>
        url === '/' ? `ws://second:two@localhost:${port}/` : undefined,
      toFirst,
      options
    );
    wanders(
      `is not replaced by userinfo on the same server, with ${title}`,
      ([port], url) =>
        url === '/' ? `ws://second:two@localhost:${port}/to` : undefined,
      stay,
      options,
      { userinfo: 'first:one@' }
    );
    wanders(
      `may come with the redirect, with ${title}`,
      ([port], url) =>
        ({
          '/': `ws://second:two@localhost:${port}/to`,
          '/to': `ws://localhost:${port}/further`
        })[url],
      stay,
      options
    );
    wanders(
      `stays behind on the way to TLS and back, with ${title}`,
      ([, port], url) => (url === '/' ? `wss://localhost:${port}/` : undefined),
      toFirst,
      options,
      { secure: [false, true] }
    );
    wanders(
      `stays behind on the way from TLS, with ${title}`,
      toSecond,
      ([port], url) => (url === '/' ? `wss://localhost:${port}/x` : undefined),
      options,
      { secure: [true, false] }
    );
  }

  parity('but for Host stays behind TLS', async (WebSocket, notebook) => {
    // Both servers have the same host and port; the agent chooses one.
    const plainPort = await serve(notebook, {
      upgrade: guide(notebook, 'plain', stay)
    });
    const securePort = await serve(notebook, {
      server: https.createServer(credentials),
      upgrade: guide(notebook, 'secure', () => 'ws://localhost:1234/')
    });
    const ws = new WebSocket(
      'wss://localhost:1234/',
      following({
        createConnection(options) {
          const isSecure = options.defaultPort === 443;

          notebook.note('to', isSecure ? 'secure' : 'plain');

          return isSecure
            ? require('node:tls').connect({
                ca: credentials.cert,
                host: '127.0.0.1',
                port: securePort,
                servername: 'localhost'
              })
            : require('node:net').connect(plainPort, '127.0.0.1');
        },
        headers
      })
    );

    await notebook.watch(ws);
  });

  parity(
    'stays behind on the way to a local socket',
    async (WebSocket, note) => {
      const { address, locate } = await serveLocally(note);
      const port = await serve(note, {
        upgrade: guide(note, 'port', () => address)
      });

      locate(() => undefined);
      await note.watch(
        new WebSocket(`ws://127.0.0.1:${port}/`, following({ headers }))
      );
    }
  );

  parity('stays behind on the way from one', async (WebSocket, note) => {
    const { address, locate } = await serveLocally(note);
    const port = await serve(note, { upgrade: guide(note, 'port', stay) });

    locate((url) => (url === '/to' ? `ws://127.0.0.1:${port}/` : undefined));
    await note.watch(new WebSocket(address, following({ headers })));
  });
});

/**
 * Starts a server on a Unix domain socket.
 *
 * @param {any} notebook The notebook
 * @return {Promise<{ address: string, locate: Function }>} The address to connect
 *     to, and a setter of the function that returns a location
 */
async function serveLocally(notebook) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-'));
  const server = http.createServer();
  const name = path.join(directory, 'socket');

  server.listen(name);
  await once(server, 'listening');
  notebook.defer(() => {
    server.close();
    fs.rmSync(directory, { recursive: true });
  });

  return {
    address: `ws+unix:${name}:/to`,
    locate: (locate) => server.on('upgrade', guide(notebook, 'local', locate))
  };
}
