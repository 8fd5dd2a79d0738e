'use strict';

// Callbacks of a Blob that cannot be read, which send more.

const { fakeBlob } = require('../support/blobs.js');
const { scenario } = require('../support/scenario.js');

scenario('callbacks that send when a Blob fails', {}, async (play) => {
  const { ws, peer } = await play.open();
  const callback = (name) => (error) => {
    play.note(name, error?.message ?? 'fine', ws.readyState);
  };

  ws.on('error', callback('error'));
  ws.send(
    fakeBlob(async () => {
      throw new Error('unreadable');
    }, 1),
    (error) => {
      callback('bad')(error);
      ws.send('inner', callback('inner'));
      ws.send(new Blob(['inner']), callback('inner blob'));
    }
  );
  ws.send('after', callback('after'));
  await play.over(ws, peer, true);
});
