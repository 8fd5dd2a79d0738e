'use strict';

/**
 * The WebSocket side of the chat: one visitor per connection, each bounded in
 * what it may send and in what may wait for it, so that none harms the others.
 */

const { WebSocket, WebSocketServer } = require('../..');

const { MAX_PAYLOAD, parse } = require('./messages.js');
const { Meter } = require('./meter.js');
const { Rooms } = require('./rooms.js');

/** Bytes that may wait for a page that does not read. */
const MAX_WAITING = 1024 * 1024;

/** Messages that a page may send at once, and how many more each second. */
const BURST = 20;
const RATE = 5;

const METER_INTERVAL = 1000;
const HEARTBEAT_INTERVAL = 30000;

/**
 * Serves the chat on an HTTP server.
 *
 * @param {import('node:http').Server} server
 * @param {{ name: string, version: string }} module Told to the pages
 * @return {{ wss: WebSocketServer, close: () => void }}
 */
function serveChat(server, module) {
  const wss = new WebSocketServer({ server, maxPayload: MAX_PAYLOAD });
  const rooms = new Rooms();
  const meter = new Meter();
  const started = Date.now();

  /** @type {Map<WebSocket, { alive: boolean }>} */
  const visitors = new Map();

  wss.on('connection', (socket) => {
    const visitor = { alive: true };
    const allowance = new Allowance();
    const member = {
      deliver: (text) => deliver(socket, text),
      room: undefined,
      name: ''
    };
    visitors.set(socket, visitor);

    socket.on('message', (data, isBinary) => {
      meter.received++;
      visitor.alive = true;

      const message = parse(data, isBinary);
      if (message === undefined) return;
      if (!allowance.take()) {
        member.deliver('{"type":"slower"}');
      } else if (message.type === 'join') {
        rooms.join(member, message.room, message.name);
      } else {
        rooms.say(member, message.text);
      }
    });

    socket.on('pong', () => {
      visitor.alive = true;
    });

    // The 'close' that follows does what is to be done.
    socket.on('error', () => {});

    socket.on('close', () => {
      visitors.delete(socket);
      rooms.leave(member);
    });
  });

  /** Sends, unless the page is gone or has left too much unread. */
  function deliver(socket, text) {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > MAX_WAITING) {
      socket.terminate();
      return;
    }

    meter.sent++;
    socket.send(text);
  }

  const meterTimer = setInterval(() => {
    const text = JSON.stringify({
      type: 'meter',
      connections: visitors.size,
      rooms: rooms.list(),
      uptime: Math.round((Date.now() - started) / 1000),
      module,
      ...meter.sample()
    });

    for (const socket of visitors.keys()) deliver(socket, text);
  }, METER_INTERVAL);

  // Frees what vanished without a word, such as a phone in a tunnel.
  const heartbeatTimer = setInterval(() => {
    for (const [socket, visitor] of visitors) {
      if (visitor.alive) {
        visitor.alive = false;
        if (socket.readyState === WebSocket.OPEN) socket.ping();
      } else {
        socket.terminate();
      }
    }
  }, HEARTBEAT_INTERVAL);

  return {
    wss,
    close() {
      clearInterval(meterTimer);
      clearInterval(heartbeatTimer);
      meter.stop();
      wss.close();
      // 1001 tells the pages that it is the server that goes.
      for (const socket of visitors.keys()) socket.close(1001);
    }
  };
}

/** A bucket of messages that fills up with time. */
class Allowance {
  #left = BURST;
  #at = Date.now();

  /**
   * @return {boolean} Whether there was one left
   */
  take() {
    const now = Date.now();
    const gained = ((now - this.#at) / 1000) * RATE;
    this.#left = Math.min(BURST, this.#left + Math.max(0, gained));
    this.#at = now;
    if (this.#left < 1) return false;

    this.#left--;
    return true;
  }
}

module.exports = { serveChat };
