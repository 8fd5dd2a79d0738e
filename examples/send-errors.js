'use strict';

// Prelude: the `ws` of the fragment, a client of a local server on PORT or 8080
// (examples/server.js will do), whose acknowledgements are told as they come.
const WebSocket = require('ws');

const ws = new WebSocket(`ws://127.0.0.1:${process.env.PORT ?? 8080}`);
const { send } = ws;

ws.send = function tellingSend(data, ack) {
  if (ack === undefined) return send.call(this, data);

  return send.call(this, data, (error) => {
    console.log('ack: %s', error ? error.message : 'sent');
    ack(error);
    if (!error) ws.close();
  });
};

function attempt() {
// The document's fragment.
// If the WebSocket is closed before the following send is attempted
ws.send('something');

// Errors (both immediate and async write errors) can be detected in an optional
// callback. The callback is also the only way of being notified that data has
// actually been sent.
ws.send('something', function ack(error) {
  // If error is not defined, the send has been completed, otherwise the error
  // object will indicate what failed.
});

// Immediate errors can also be handled with `try...catch`, but **note** that
// since sends are inherently asynchronous, socket write failures will *not* be
// captured when this technique is used.
try { ws.send('something'); }
catch (e) { /* handle error */ }
}

// Postlude: the fragment before, while and after the WebSocket is open.
console.log('connecting');
try {
  attempt();
} catch (error) {
  console.log('thrown: %s', error.message);
}

ws.on('open', () => {
  console.log('open');
  attempt();
});

ws.on('close', () => {
  console.log('closed');
  attempt();
});

ws.on('error', (error) => console.log('error: %s', error.message));
