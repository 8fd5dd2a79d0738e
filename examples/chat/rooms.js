'use strict';

/**
 * The rooms: who is in them and what was said. Knows members by a `deliver`
 * function alone, and nothing of sockets.
 */

const MAX_HISTORY = 50;
const MAX_LISTED_MEMBERS = 200;
const MAX_LISTED_ROOMS = 20;

/** Rooms that nobody is in are remembered for their history, up to here. */
const MAX_EMPTY_ROOMS = 100;

/**
 * @typedef {object} Member
 * @property {(text: string) => void} deliver
 * @property {Room | undefined} room
 * @property {string} name Unique in the room
 *
 * @typedef {object} Room
 * @property {string} name
 * @property {Map<string, Member>} members By name
 * @property {object[]} history
 */

class Rooms {
  /** @type {Map<string, Room>} In the order in which they were last entered */
  #rooms = new Map();
  #epoch = Date.now().toString(36);
  #sequence = 0;

  /**
   * @param {Member} member
   * @param {string} roomName
   * @param {string} wantedName
   */
  join(member, roomName, wantedName) {
    this.leave(member);

    const room = this.#rooms.get(roomName) ?? {
      name: roomName,
      members: new Map(),
      history: []
    };
    this.#rooms.delete(roomName);
    this.#rooms.set(roomName, room);
    this.#forgetEmptyRooms();

    member.room = room;
    member.name = freeName(room, wantedName);
    room.members.set(member.name, member);
    this.#broadcast(room, { type: 'arrived', name: member.name }, member);
    member.deliver(
      JSON.stringify({
        type: 'joined',
        room: room.name,
        name: member.name,
        members: firstOf(room.members.keys(), MAX_LISTED_MEMBERS),
        count: room.members.size,
        history: room.history
      })
    );
  }

  /**
   * @param {Member} member
   */
  leave(member) {
    const { room, name } = member;
    if (room === undefined) return;

    member.room = undefined;
    room.members.delete(name);
    this.#broadcast(room, { type: 'left', name });
    if (room.members.size === 0 && room.history.length === 0) {
      this.#rooms.delete(room.name);
    }
  }

  /**
   * @param {Member} member
   * @param {string} text
   */
  say(member, text) {
    const { room, name } = member;
    if (room === undefined) return;

    const id = `${this.#epoch}-${++this.#sequence}`;
    const message = { type: 'said', id, name, text, at: Date.now() };
    room.history.push(message);
    if (room.history.length > MAX_HISTORY) room.history.shift();
    this.#broadcast(room, message);
  }

  /**
   * @return {{ name: string, count: number }[]} The fullest rooms
   */
  list() {
    return [...this.#rooms.values()]
      .map(({ name, members }) => ({ name, count: members.size }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
      .slice(0, MAX_LISTED_ROOMS);
  }

  /** Serialises once, whatever the number of members. */
  #broadcast(room, message, except) {
    const text = JSON.stringify({ ...message, count: room.members.size });
    for (const member of room.members.values()) {
      if (member !== except) member.deliver(text);
    }
  }

  #forgetEmptyRooms() {
    let empty = 0;
    for (const room of this.#rooms.values()) {
      if (room.members.size === 0) empty++;
    }
    for (const [name, room] of this.#rooms) {
      if (empty <= MAX_EMPTY_ROOMS) break;
      if (room.members.size > 0) continue;
      this.#rooms.delete(name);
      empty--;
    }
  }
}

/**
 * @param {Room} room
 * @param {string} wanted
 * @return {string} The name, with a number when somebody has it
 */
function freeName(room, wanted) {
  let name = wanted;
  for (let n = 2; room.members.has(name); n++) name = `${wanted} ${n}`;
  return name;
}

/**
 * @param {Iterable<string>} names
 * @param {number} count
 * @return {string[]}
 */
function firstOf(names, count) {
  const first = [];
  for (const name of names) {
    if (first.push(name) === count) break;
  }
  return first;
}

module.exports = { Rooms };
