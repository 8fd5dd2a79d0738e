'use strict';

// The negotiation of permessage-deflate, as it appears on the wire.

const { TRANSPORTS, scenario } = require('../support/scenario.js');
const { words } = require('../support/deflated.js');
const transports = require('../support/transports.js');

const SERVER = { roles: ['server'], transports: ['tcp', 'duplex'] };
const CLIENT = { roles: ['client'], transports: ['tcp', 'duplex'] };

/** Values of the option perMessageDeflate. */
const OPTIONS = [
  true,
  {},
  { serverNoContextTakeover: true },
  { serverNoContextTakeover: false },
  { clientNoContextTakeover: true },
  { clientNoContextTakeover: false },
  { serverMaxWindowBits: 8 },
  { serverMaxWindowBits: 10 },
  { serverMaxWindowBits: false },
  { serverMaxWindowBits: true },
  { clientMaxWindowBits: 8 },
  { clientMaxWindowBits: 12 },
  { clientMaxWindowBits: true },
  { clientMaxWindowBits: false },
  {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 9,
    clientMaxWindowBits: 14
  }
];

const NAME = 'permessage-deflate';
/** Offers of a client. */
const OFFERS = [
  NAME,
  `${NAME}; client_max_window_bits`,
  `${NAME}; client_max_window_bits=8`,
  `${NAME}; client_max_window_bits=10`,
  `${NAME}; client_max_window_bits="10"`,
  `${NAME}; client_max_window_bits=16`,
  `${NAME}; client_max_window_bits=7`,
  `${NAME}; client_max_window_bits=x`,
  `${NAME}; server_max_window_bits=8`,
  `${NAME}; server_max_window_bits=12`,
  `${NAME}; server_max_window_bits`,
  `${NAME}; server_max_window_bits=20`,
  `${NAME}; server_no_context_takeover`,
  `${NAME}; client_no_context_takeover`,
  `${NAME}; server_no_context_takeover=1`,
  `${NAME}; client_no_context_takeover; client_no_context_takeover`,
  `${NAME}; unknown`,
  `${NAME}; server_max_window_bits=8; server_max_window_bits=9`,
  `${NAME}; server_max_window_bits=9, ${NAME}`,
  `${NAME}; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=13; client_no_context_takeover`,
  `x-webkit-deflate-frame, ${NAME}`,
  'x-webkit-deflate-frame',
  `${NAME}; ;`,
  `${NAME},`,
  ';'
];

/**
 * @param {any} peer A raw peer
 * @return {string[]} The headers about extensions that it received
 */
function heading(peer) {
  const lines = peer.head.split('\r\n');

  return [
    lines[0].startsWith('GET') ? 'request' : lines[0],
    ...lines.filter((line) => /^sec-websocket-ext/i.test(line))
  ];
}

/**
 * @param {any} ws A client
 * @return {Promise<void>} Settles when it is open or closed
 */
function settled(ws) {
  return new Promise((resolve) => {
    ws.once('open', resolve);
    ws.once('close', resolve);
  });
}

for (const perMessageDeflate of OPTIONS) {
  const title = JSON.stringify(perMessageDeflate);

  scenario(`offers to a server with ${title}`, SERVER, async (play) => {
    const { address, server, wss } = await transports.serve(
      play.WebSocket,
      play.transport,
      { perMessageDeflate },
      (ws) => {
        ws.on('error', (err) => play.note(err));
        ws.on('message', (data) => {
          play.note('got', data);
          ws.send(words(2000));
        });
        play.note('extensions', ws.extensions);
      }
    );

    play.defer(() => server.close());
    wss.on('wsClientError', (err, socket) => {
      play.note('wsClientError', err);
      socket.destroy();
    });

    for (const deflate of OFFERS) {
      const peer = play.track(transports.rawConnect(play.transport, address));

      play.note(deflate);
      peer.stream.on('close', () => {
        peer.head ||= 'none';
        peer._open = true;
      });
      await Promise.race([peer.request({ deflate }), peer.closed()]);
      play.note(heading(peer));
      if (peer.deflating) {
        peer.write(peer.compressed('text', words(1000)));
        peer.write(peer.compressed('text', words(1000)));
        await peer.frames(2);
        play.note(peer.log);
      }
      peer.stream.destroy();
      await peer.closed();
    }
  });

  scenario(`answers to a client with ${title}`, CLIENT, async (play) => {
    const answers = [
      undefined,
      NAME,
      `${NAME}; client_max_window_bits`,
      `${NAME}; client_max_window_bits=8`,
      `${NAME}; client_max_window_bits=13`,
      `${NAME}; client_max_window_bits=15`,
      `${NAME}; client_max_window_bits=99`,
      `${NAME}; server_max_window_bits=8`,
      `${NAME}; server_max_window_bits=15`,
      `${NAME}; server_max_window_bits`,
      `${NAME}; server_no_context_takeover`,
      `${NAME}; client_no_context_takeover`,
      `${NAME}; client_no_context_takeover=true`,
      `${NAME}; nonsense`,
      `${NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9`,
      `${NAME}, ${NAME}`,
      `${NAME}, other`,
      'other',
      '; ='
    ];
    const raw = await transports.rawServe(play.transport);

    play.defer(() => raw.server.close());
    for (const deflate of answers) {
      const ws = transports.connect(
        play.WebSocket,
        play.transport,
        raw.address,
        { perMessageDeflate }
      );

      play.note(deflate);
      play.defer(() => ws.terminate());
      play.watch(ws);

      const end = settled(ws);
      const peer = play.track(await raw.accept());

      await peer.answer({ deflate });
      play.note(heading(peer));
      await end;
      play.note('state', ws.readyState, ws.extensions);
      if (ws.readyState === 1) {
        ws.send(words(2000));
        ws.send(words(2000));
        peer.write(
          peer.deflating
            ? peer.compressed('text', words(500))
            : peer.frame('text', 'plain'),
          peer.closeFrame(1000)
        );
        await play.over(ws, peer);
      }
      peer.stream.destroy();
    }
  });
}

scenario('a client that offers nothing', CLIENT, async (play) => {
  for (const deflate of [undefined, NAME]) {
    const raw = await transports.rawServe(play.transport);
    const ws = transports.connect(play.WebSocket, play.transport, raw.address, {
      perMessageDeflate: false
    });
    const peer = play.track(await raw.accept());
    const end = settled(ws);

    play.defer(() => raw.server.close());
    play.watch(ws);
    await peer.answer({ deflate });
    play.note(heading(peer));
    await end;
    play.note('state', ws.readyState, ws.extensions);
    ws.terminate();
  }
});

for (let bits = 8; bits <= 15; bits++) {
  const options = { roles: ['server', 'client'], transports: TRANSPORTS };

  scenario(`windows of ${bits} bits`, options, async (play) => {
    const { ws, peer } = await play.open(
      {
        perMessageDeflate: {
          serverMaxWindowBits: bits,
          clientMaxWindowBits: bits
        }
      },
      {
        deflate:
          play.role === 'server'
            ? `${NAME}; client_max_window_bits`
            : `${NAME}; server_max_window_bits=${bits}; client_max_window_bits=${bits}`
      }
    );

    play.watch(ws);
    play.note(ws.extensions, Object.keys(ws._extensions));
    // The peer inflates with exactly this window.
    for (const length of [100, 300, 300, 3000, 100000, 100000]) {
      ws.send(words(length));
      peer.write(peer.compressed('text', words(length)));
    }
    await peer.frames(6);
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  });
}
