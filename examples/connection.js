'use strict';

// Prelude: the `wss` of the fragment, a server on PORT or 8080.
const WebSocket = require('ws');

const wss = new WebSocket.Server({ port: Number(process.env.PORT ?? 8080) });

wss.on('listening', () => {
  console.log('Listening on %d', wss.address().port);
});

// The document's fragment.
wss.on('connection', (socket) => {
  console.log('Client connected');

    // Set up a callback for when a client closes the socket. This usually means they closed their browser.
  socket.on('close', () => console.log('Client disconnected'));
});
