'use strict';

// The client's side of the opening handshake, from the constructor to 'open', or
// to 'error' and 'close' if it fails.

const { once } = require('node:events');
const { describe } = require('node:test');

const { head, serve, upgradeResponse } = require('../support/handshake.js');
const { parity } = require('../support/scenario.js');

/** Offers no extension, because the default offer is not tested here. */
const PLAIN = Object.freeze({ perMessageDeflate: false });

/**
 * Compares what a client does with the answer of a server.
 *
 * @param {string} name The name of the test
 * @param {(request: any, socket: any, notebook: any) => string | void} reply
 *     Returns the answer to a request; the connection ends after it
 * @param {any[]} [args] Arguments of the constructor after the address
 * @param {(ws: any, notebook: any) => void} [prepare] Called with the client
 */
function connects(name, reply, args = [PLAIN], prepare = () => {}) {
  parity(name, async (WebSocket, notebook) => {
    const answer = (request, socket) => {
      const text = reply(request, socket, notebook);

      socket.on('error', () => {});
      if (text !== undefined) socket.end(text, 'latin1');
    };
    const port = await serve(notebook, {
      request: (request, { socket }) => answer(request, socket),
      upgrade: answer
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, ...args);

    notebook.note('state', ws.readyState, ws.protocol, ws.url);

    const closed = notebook.watch(ws);

    prepare(ws, notebook);
    await closed;
    notebook.note(ws._errorEmitted, ws._socket === null, ws._req === null);
  });
}

/**
 * @param {object} [headers] Headers to change
 * @param {string} [status] The status
 * @return {(request: any) => string} Answers a request
 */
const accept = (headers, status) => (request) =>
  upgradeResponse(request, headers, status);

/** Never answers. */
const nothing = () => {};

describe('The answer to a handshake', () => {
  for (const [name, headers] of [
    ['is good', {}],
    ['has the scheme in capitals', { Upgrade: 'WebSocket' }],
    ['has another upgrade', { Upgrade: 'foo' }],
    ['has no upgrade', { Upgrade: undefined }],
    ['has an empty upgrade', { Upgrade: '' }],
    ['has no hash', { 'Sec-WebSocket-Accept': undefined }],
    ['has a wrong hash', { 'Sec-WebSocket-Accept': 'foo' }],
    ['has an extension', { 'Sec-WebSocket-Extensions': 'foo' }],
    ['has a malformed extension', { 'Sec-WebSocket-Extensions': ';' }],
    ['has an empty extension', { 'Sec-WebSocket-Extensions': '' }]
  ]) {
    connects(name, accept(headers));
  }

  for (const [asked, given] of [
    [[], 'a'],
    [[], ''],
    [['a'], undefined],
    [['a'], ''],
    [['a'], 'b'],
    [['a'], 'A'],
    [['a', 'b'], 'b'],
    [['a', 'b'], 'a,b']
  ]) {
    connects(
      `has ${JSON.stringify(given)} of ${JSON.stringify(asked)}`,
      accept({ 'Sec-WebSocket-Protocol': given }),
      [asked, PLAIN]
    );
  }

  connects(
    'has a wrong subprotocol and an extension',
    accept({
      'Sec-WebSocket-Extensions': 'foo',
      'Sec-WebSocket-Protocol': 'a'
    })
  );
  connects(
    'has a good subprotocol and an extension',
    accept({
      'Sec-WebSocket-Extensions': 'foo',
      'Sec-WebSocket-Protocol': 'a'
    }),
    ['a', PLAIN]
  );
  connects(
    'has lost its upgrade among too many headers',
    (request) => {
      const [start, ...rest] = upgradeResponse(request).split('\r\n');
      const padding = Array.from({ length: 2100 }, (_, i) => `X-${i}: y`);

      return [start, ...padding, ...rest].join('\r\n');
    },
    [{ ...PLAIN, maxHeaderSize: 1e6 }]
  );
  connects(
    'has frames behind it',
    (request) => `${upgradeResponse(request)}\x81\x02hi\x88\x02\x03\xe8`
  );
  connects('is another status', accept({}, '401 Unauthorized'));
  connects('is another status for a 101', accept({}, '200 OK'));
  connects('is an ordinary response', () => head('HTTP/1.1 200 OK', {}));
  connects('is a redirect', () =>
    head('HTTP/1.1 302 Found', { Location: '/x' })
  );
  connects('is no HTTP', () => 'foo\r\n\r\n');
  connects(
    'is no HTTP, and both ways out are tried',
    () => 'foo\r\n\r\n',
    [],
    (ws) => {
      ws.on('error', () => {
        ws.close();
        ws.terminate();
      });
    }
  );
  connects('is a hang-up', (_request, socket) => {
    socket.destroy();
  });
  connects('is a reset', (_request, socket) => {
    socket.resetAndDestroy();
  });
});

describe('An unexpected response', () => {
  const refusal = () =>
    head('HTTP/1.1 401 Unauthorized', { 'Content-Length': 4 }) + 'body';

  connects('may be read', refusal, [PLAIN], (ws, notebook) => {
    ws.on('unexpected-response', (request, response, ...more) => {
      notebook.note(request === ws._req, response.statusCode, more.length);
      notebook.note('state', ws.readyState);
      response.on('data', (chunk) => notebook.note(String(chunk)));
      response.on('end', () => {
        notebook.note('end', ws.readyState);
        ws.close();
      });
    });
  });

  for (const [name, action] of [
    ['destroyed with an error', (_ws, request) => request.destroy(Error('me'))],
    ['followed by close()', (ws) => ws.close()],
    ['followed by terminate()', (ws) => ws.terminate()],
    [
      'followed by both',
      (ws) => {
        ws.terminate();
        ws.close();
      }
    ]
  ]) {
    connects(`may be ${name}`, refusal, [PLAIN], (ws, notebook) => {
      ws.on('unexpected-response', (request) => {
        action(ws, request);
        notebook.note('state', ws.readyState);
      });
    });
  }

  parity('may be aborted', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      upgrade: (_request, socket) => socket.end(refusal())
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    notebook.watch(ws);

    const [request, response] = await once(ws, 'unexpected-response');

    request.abort();
    await once(response, 'close');
    notebook.note('state', ws.readyState);
  });
});

describe('A client that is not open yet', () => {
  for (const [name, action] of [
    ['close()', (ws) => ws.close()],
    ['close() with nonsense', (ws) => ws.close(99999, 5)],
    ['terminate()', (ws) => ws.terminate()]
  ]) {
    connects(`takes ${name} at once`, nothing, [PLAIN], (ws, notebook) => {
      action(ws);
      notebook.note('state', ws.readyState);
      ws.close();
      ws.terminate();
      process.nextTick(() => notebook.note('next tick'));
    });
    parity(`takes ${name} while it waits`, async (WebSocket, notebook) => {
      let asked;
      const waiting = new Promise((resolve) => {
        asked = resolve;
      });
      const port = await serve(notebook, { upgrade: () => asked() });
      const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);
      const closed = notebook.watch(ws);

      await waiting;
      action(ws);
      notebook.note('state', ws.readyState, ws._req === null);
      await closed;
    });
    connects(`takes ${name} in upgrade`, accept(), [PLAIN], (ws, notebook) => {
      ws.on('upgrade', () => {
        action(ws);
        notebook.note('state', ws.readyState);
      });
    });
    connects(
      `takes ${name} in the error`,
      accept({ 'Sec-WebSocket-Accept': 'foo' }),
      [PLAIN],
      (ws, notebook) => {
        ws.on('error', () => {
          action(ws);
          notebook.note('state', ws.readyState);
        });
      }
    );
  }

  parity('cannot send', (WebSocket, notebook) => {
    const ws = new WebSocket('ws://127.0.0.1:1', PLAIN);
    const noted = () => notebook.note('called back');

    ws.on('error', () => {});

    for (const name of ['send', 'ping', 'pong']) {
      notebook.attempt(name, () => ws[name]('data'));
      notebook.attempt(name, () => ws[name]('data', noted));
    }

    ws.pause();
    notebook.note(ws.isPaused);
    ws.resume();
    notebook.note(ws.bufferedAmount);
    ws.terminate();
  });

  connects('may get no answer in time', nothing, [
    { ...PLAIN, handshakeTimeout: 20 }
  ]);
  connects(
    'may get an incomplete answer in time',
    (_request, socket) => {
      socket.write(head('HTTP/1.1 401 Nope', { 'Content-Length': 5 }));
    },
    [{ ...PLAIN, handshakeTimeout: 50 }],
    (ws, notebook) => {
      ws.on('unexpected-response', () => notebook.note('unexpected'));
    }
  );
  connects('may lose its request', nothing, [PLAIN], (ws) => {
    ws._req.on('socket', (socket) => {
      socket.on('connect', () => ws._req.destroy(new Error('mine')));
    });
  });

  parity('may not find its server', async (WebSocket, notebook) => {
    const port = await serve(notebook);

    await notebook.cleanUp();

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    await notebook.watch(ws);
  });
});

describe('The socket of a client', () => {
  const descriptor = (ws) => {
    const { value, ...rest } = Object.getOwnPropertyDescriptor(ws, '_socket');

    return [rest, value === null, Boolean(value?.remotePort)];
  };

  parity('is a plain property of it', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      upgrade(request, socket) {
        socket.on('error', () => {});
        socket.write(upgradeResponse(request));
      }
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { autoPong: 'yes' });

    notebook.note(descriptor(ws), ws._autoPong);
    await once(ws, 'open');
    notebook.note(descriptor(ws));
    ws.terminate();
    await once(ws, 'close');
    notebook.note(descriptor(ws)[0]);
  });
});
