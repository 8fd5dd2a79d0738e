'use strict';

// PerMessageDeflate: offer() and accept().

const assert = require('node:assert');
const { describe, it } = require('node:test');

const { ours, parity } = require('../support/scenario.js');

const OPTIONS = {
  clientMaxWindowBits: [undefined, true, false, null, 9, 12, 0, '12'],
  clientNoContextTakeover: [undefined, true, false],
  serverMaxWindowBits: [undefined, true, false, null, 9, 12],
  serverNoContextTakeover: [undefined, true, false]
};

const PARAMETERS = {
  client_max_window_bits: [undefined, [true], ['8'], ['10'], ['15']],
  client_no_context_takeover: [undefined, [true]],
  server_max_window_bits: [undefined, ['8'], ['10'], ['15']],
  server_no_context_takeover: [undefined, [true]]
};

/**
 * @param {object} choices The possible values of each name
 * @return {object[]} All combinations
 */
function combinations(choices) {
  return Object.entries(choices).reduce(
    (made, [name, values]) =>
      made.flatMap((one) =>
        values.map((value) =>
          value === undefined ? one : { ...one, [name]: value }
        )
      ),
    [{}]
  );
}

/**
 * @param {object[]} offers Offers or an answer
 * @return {object[]} A copy, as the parser of the header would return it
 */
function parsed(offers) {
  return offers.map((offer) =>
    Object.assign(Object.create(null), structuredClone(offer))
  );
}

describe('PerMessageDeflate', () => {
  it('has a name', () => {
    assert.strictEqual(
      ours.PerMessageDeflate.extensionName,
      'permessage-deflate'
    );
  });

  parity('has the fields of ws', ({ PerMessageDeflate }, notebook) => {
    notebook.note({ ...new PerMessageDeflate() });
    notebook.note({
      ...new PerMessageDeflate({
        isServer: true,
        maxPayload: 5,
        serverMaxWindowBits: 9,
        threshold: 0
      })
    });
  });

  parity('offers what is configured', ({ PerMessageDeflate }, notebook) => {
    for (const options of combinations(OPTIONS)) {
      notebook.note(new PerMessageDeflate(options).offer());
    }
  });

  for (const isServer of [true, false]) {
    parity(
      `accepts what can be accepted, as ${isServer ? 'server' : 'client'}`,
      ({ PerMessageDeflate }, notebook) => {
        for (const options of combinations(OPTIONS)) {
          for (const parameters of combinations(PARAMETERS)) {
            const deflate = new PerMessageDeflate({ ...options, isServer });

            try {
              notebook.log.push(
                JSON.stringify(deflate.accept(parsed([parameters])))
              );
            } catch (error) {
              notebook.log.push(`${error.name} ${error.message}`);
            }
          }
        }
      }
    );
    parity(
      `refuses what is wrong, as ${isServer ? 'server' : 'client'}`,
      ({ PerMessageDeflate }, notebook) => {
        for (const parameters of [
          { foo: [true] },
          { constructor: [true] },
          { client_max_window_bits: [true, true] },
          { client_no_context_takeover: ['10'] },
          { server_no_context_takeover: [''] },
          { server_max_window_bits: [true] },
          ...['7', '16', '10.5', 'x', '', ' 9', '0x9'].flatMap((value) => [
            { client_max_window_bits: [value] },
            { server_max_window_bits: [value] }
          ])
        ]) {
          const deflate = new PerMessageDeflate({ isServer });

          notebook.attempt(JSON.stringify(parameters), () =>
            deflate.accept(parsed([parameters]))
          );
          notebook.note(deflate.params);
        }
      }
    );
  }

  parity('takes the first offer that fits', (WebSocket, notebook) => {
    const deflate = new WebSocket.PerMessageDeflate({
      isServer: true,
      serverMaxWindowBits: 12
    });

    notebook.note(
      deflate.accept(
        parsed([
          { server_max_window_bits: ['9'] },
          { client_no_context_takeover: [true] },
          {}
        ])
      )
    );
    notebook.note(deflate.params);
  });
});
