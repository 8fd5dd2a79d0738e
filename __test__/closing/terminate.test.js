'use strict';

// terminate(), and repeated calls of close().

const { scenario } = require('../support/scenario.js');
const { closed } = require('../support/wait.js');

scenario('close() and terminate() again and again', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  ws.close(1001);
  ws.close();
  await peer.finish();
  await closed(ws);
  ws.close();
  ws.close(1002);
  ws.terminate();
  play.note(
    ws.readyState,
    ws._closeTimer === null || ws._closeTimer._destroyed
  );
  for (const line of peer.log) play.note(line);
});

scenario('terminate()', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.send('last words');
  ws.terminate();
  play.note('called', ws.readyState);
  await play.over(ws, peer, play.loses);
});

scenario('terminate() while closing', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  await peer.frames(1);
  ws.terminate();
  await play.over(ws, peer);
});

scenario('terminate() within close frame answer', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.on('message', () => {
    ws.close(1000);
    ws.terminate();
  });
  peer.write(peer.frame('text', 'a'), peer.closeFrame(1001));
  await play.over(ws, peer, play.loses);
});
