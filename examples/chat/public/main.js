/** Puts the page together: who the visitor is, what comes and what goes. */

import { Connection } from './connection.js';
import { byId } from './dom.js';
import { Messages } from './messages.js';
import { Panel } from './panel.js';
import { Side } from './side.js';

const FIRST_ROOM = 'lobby';

/** In fuller rooms nobody wants to read who comes and goes. */
const MAX_TOLD = 20;

const address = new URL('.', location.href);
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
address.hash = '';

const connection = new Connection(address);
const messages = new Messages();
const panel = new Panel();
const side = new Side(enter);
const text = byId('text');

let wantedName = sessionStorage.getItem('name') ?? '';
let room = roomOfAddress();
let lastSaid = '';
/** The room whose messages are shown, the name that the server gave. */
let shownRoom;
let ownName;
let countdown;

/** @return {string} */
function roomOfAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || FIRST_ROOM;
  } catch {
    return FIRST_ROOM;
  }
}

/** @param {string} wanted */
function enter(wanted) {
  room = wanted;
  history.replaceState(null, '', `#${encodeURIComponent(room)}`);
  join();
}

function join() {
  if (wantedName === '') return;
  connection.send({ type: 'join', name: wantedName, room });
}

function showState(state, label) {
  document.body.dataset.state = state;
  byId('state').lastElementChild.textContent = label;
  showSendable();
}

function fill(value) {
  text.value = value;
  text.dispatchEvent(new Event('input'));
}

function showSendable() {
  const sendable = connection.isOpen && text.value.trim() !== '';
  byId('composer').querySelector('button').disabled = !sendable;
}

connection.addEventListener('open', () => {
  clearInterval(countdown);
  byId('away').classList.remove('lost');
  showState('open', 'connected');
  join();
});

connection.addEventListener('lost', ({ detail: { until } }) => {
  const tell = () => {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    byId('away-text').textContent =
      `The server is away, next try in ${seconds} s`;
  };

  clearInterval(countdown);
  countdown = setInterval(tell, 1000);
  tell();
  byId('away').classList.add('lost');
  showState('away', 'reconnecting');
});

const handlers = {
  joined({ room: name, name: own, members, count, history: said }) {
    if (name !== shownRoom) messages.clear();
    const back = name === shownRoom;
    shownRoom = room = name;
    ownName = own;
    document.title = `#${name} · ws-native chat`;
    byId('room-name').textContent = name;
    history.replaceState(null, '', `#${encodeURIComponent(name)}`);
    for (const message of said) messages.add(message, message.name === own);
    messages.tell(back ? 'You are back' : `You are here as ${own}`);
    side.showMembers(members, own, count);
    side.showRooms([], name);
  },

  said(message) {
    messages.add(message, message.name === ownName);
  },

  arrived({ name, count }) {
    side.arrived(name, count);
    if (count <= MAX_TOLD) messages.tell(`${name} came in`);
  },

  left({ name, count }) {
    side.left(name, count);
    if (count <= MAX_TOLD) messages.tell(`${name} left`);
  },

  slower() {
    messages.tell('Not so fast: the last message was not sent');
    if (text.value === '') fill(lastSaid);
  },

  meter(meter) {
    panel.show(meter);
    if (shownRoom) side.showRooms(meter.rooms, shownRoom);
  }
};

connection.addEventListener('message', ({ detail }) => {
  handlers[detail.type]?.(detail);
});

byId('retry').addEventListener('click', () => connection.retry());

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if (text.value.trim() === '') return;
  if (!connection.send({ type: 'say', text: text.value })) return;

  lastSaid = text.value;
  fill('');
  text.focus();
});

text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId('composer').requestSubmit();
});

text.addEventListener('input', () => {
  // The field is as high as its text, up to the bound of the style sheet.
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
  showSendable();
});

addEventListener('hashchange', () => {
  if (roomOfAddress() !== room) enter(roomOfAddress());
});

byId('welcome').addEventListener('cancel', (event) => event.preventDefault());

byId('welcome-form').addEventListener('submit', () => {
  wantedName = byId('name-input').value.trim() || 'Guest';
  sessionStorage.setItem('name', wantedName);
  localStorage.setItem('name', wantedName);
  enter(byId('first-room-input').value.trim() || FIRST_ROOM);
});

byId('room-name').textContent = room;
showState('away', 'connecting');
connection.retry();

if (wantedName === '') {
  byId('name-input').value = localStorage.getItem('name') ?? '';
  byId('first-room-input').value = room;
  byId('welcome').showModal();
}
