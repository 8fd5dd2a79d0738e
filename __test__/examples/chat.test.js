'use strict';

// The chat of `npm start`: its output, its limits, and its page in a browser.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');

const { version } = require('../../package.json');
const { findChromium, launch } = require('../support/chromium.js');
const { Peer } = require('../support/peer.js');
const { Program } = require('../support/program.js');

const demo = path.join(__dirname, '..', '..', 'examples', 'chat', 'server.js');
const chromium = findChromium();

/** Starts the demo and reads its address from its output. */
async function startDemo(port = '0') {
  const program = new Program(demo, { env: { ...process.env, PORT: port } });
  const url = await program.line(/^http:/);

  return { program, url, port: new URL(url).port };
}

describe('the demo server', () => {
  let program;
  let url;

  before(async () => {
    ({ program, url } = await startDemo());
  });

  after(() => program?.stop());

  /** Connects to the chat and returns only messages of the requested types. */
  async function connect(t) {
    const peer = new Peer(url.replace('http', 'ws'));
    t.after(() => peer.socket.terminate());
    await peer.opened;

    return {
      socket: peer.socket,
      say: (message) => peer.socket.send(JSON.stringify(message)),
      next: async (...types) => {
        for (;;) {
          const [text] = await peer.next();
          const message = JSON.parse(text);
          if (types.includes(message.type)) return message;
        }
      }
    };
  }

  async function join(t, name, room) {
    const visitor = await connect(t);
    visitor.say({ type: 'join', name, room });
    return { ...visitor, joined: await visitor.next('joined') };
  }

  it('says which module serves it, and where', () => {
    const [served, address, ...more] = program.lines;

    assert.ok(served.includes(`ws-native ${version}`), served);
    assert.match(served, /repository's own module \(index\.js, Rust engine /);
    assert.match(served, /ws-native\.[\w-]+\.node\)$/);
    assert.match(address, /^http:\/\/localhost:\d+\/$/);
    assert.deepEqual(more, []);
  });

  it('answers a taken port with a sentence', async (t) => {
    const other = net.createServer().listen(0);
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (other.address());

    const second = new Program(demo, {
      env: { ...process.env, PORT: String(port) }
    });
    t.after(() => second.stop());
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.deepEqual(second.lines, []);
    assert.equal(second.errors.length, 1);
    assert.match(second.errors[0], /^Port \d+ is taken by another program\. /);
  });

  it('answers a PORT that is none with a sentence', async (t) => {
    const second = new Program(demo, {
      env: { ...process.env, PORT: 'eighty' }
    });
    t.after(() => second.stop());
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.equal(second.errors.length, 1);
    assert.match(second.errors[0], /^PORT must be a number .*"eighty"/);
  });

  it('announces visitors who join and leave', async (t) => {
    const ada = await join(t, 'Ada', 'presence');
    assert.deepEqual(ada.joined.members, ['Ada']);
    assert.equal(ada.joined.count, 1);

    const second = await join(t, 'Ada', 'Presence');
    assert.equal(second.joined.name, 'Ada 2');
    assert.equal(second.joined.room, 'presence');
    assert.deepEqual(second.joined.members, ['Ada', 'Ada 2']);
    assert.deepEqual(await ada.next('arrived', 'left'), {
      type: 'arrived',
      name: 'Ada 2',
      count: 2
    });

    second.socket.terminate();
    assert.deepEqual(await ada.next('arrived', 'left'), {
      type: 'left',
      name: 'Ada 2',
      count: 1
    });
  });

  it('bounds names and texts', async (t) => {
    const visitor = await join(
      t,
      ` N\n\u202ename ${'🦀'.repeat(40)}`,
      'bounds'
    );
    assert.equal(visitor.joined.name, `N name ${'🦀'.repeat(17)}`);

    visitor.say({ type: 'say', text: ` a\u0000b\r\nc${'🦀'.repeat(2000)}` });
    const { text } = await visitor.next('said');
    assert.equal(text, `ab\nc${'🦀'.repeat(996)}`);
  });

  it('sends the history to later visitors', async (t) => {
    const first = await join(t, 'Ada', 'history');
    for (let i = 0; i < 3; i++) first.say({ type: 'say', text: `line ${i}` });
    for (let i = 0; i < 3; i++) await first.next('said');

    const later = await join(t, 'Grace', 'history');
    assert.deepEqual(
      later.joined.history.map(({ name, text }) => `${name}: ${text}`),
      ['Ada: line 0', 'Ada: line 1', 'Ada: line 2']
    );
  });

  it('protects others from a broken client', async (t) => {
    const good = await join(t, 'Good', 'harm');
    const bad = await join(t, 'Bad', 'harm');

    for (const junk of [
      '',
      'null',
      '[]',
      '{"type":"say","text":{}}',
      '{"type":"join","name":1,"room":"harm"}',
      '{"type":"constructor"}',
      '{"type":"say","text":"   "}',
      Buffer.from('{"type":"say","text":"binary"}')
    ]) {
      bad.socket.send(junk);
    }
    bad.say({ type: 'say', text: 'sorry' });
    assert.equal((await good.next('said')).text, 'sorry');

    // Over the server's limit: that connection ends, and no other.
    const closed = once(bad.socket, 'close');
    bad.socket.send('x'.repeat(64 * 1024));
    assert.equal((await closed)[0], 1009);
    assert.equal((await good.next('left')).name, 'Bad');

    // Bytes that are not a frame.
    const worse = await join(t, 'Worse', 'harm');
    worse.socket._socket.write(Buffer.alloc(64, 0xff));
    assert.equal((await good.next('left')).name, 'Worse');

    good.say({ type: 'say', text: 'still here' });
    assert.equal((await good.next('said')).text, 'still here');
    assert.deepEqual(program.errors, []);
  });

  it('slows down a visitor who floods a room', async (t) => {
    const good = await join(t, 'Good', 'flood');
    const bad = await join(t, 'Bad', 'flood');
    for (let i = 0; i < 40; i++) bad.say({ type: 'say', text: `${i}` });
    await bad.next('slower');
    good.say({ type: 'say', text: 'at last' });

    let heard = 0;
    while ((await good.next('said')).name === 'Bad') heard++;
    assert.ok(heard >= 10 && heard < 40, `${heard} messages`);
  });

  it('pushes live figures to everybody', async (t) => {
    const visitor = await connect(t);
    const meter = await visitor.next('meter');

    assert.deepEqual(meter.module, { name: 'ws-native', version });
    for (const name of ['connections', 'received', 'sent', 'delay', 'worst']) {
      assert.equal(typeof meter[name], 'number', name);
    }
    assert.ok(meter.connections >= 1);
  });

  it('serves a page that may load nothing from elsewhere', async () => {
    const response = await fetch(url);
    const html = await response.text();

    assert.equal(response.status, 200);
    assert.match(
      response.headers.get('content-security-policy') ?? '',
      /default-src 'self'/
    );
    assert.doesNotMatch(html, /https?:\/\//);
    assert.equal((await fetch(new URL('/server.js', url))).status, 404);
  });
});

const skip = chromium
  ? false
  : 'no Chromium on the PATH or in CHROMIUM_PATH: the page was not tried';

describe('the demo in a browser', { skip }, () => {
  let browser;
  let current;

  before(async () => {
    current = await startDemo();
    browser = await launch(/** @type {string} */ (chromium));
  });

  after(async () => {
    await browser?.close();
    await current?.program.stop();
  });

  /** Opens the page as another visitor, and joins a room under a name. */
  async function visit(t, name, room, options) {
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(20000);
    page.on('pageerror', (error) => page.faults.push(error.message));
    page.faults = [];

    await page.goto(current.url);
    await page.fill('#name-input', name);
    await page.fill('#first-room-input', room);
    await page.click('#welcome-form button');
    await inRoom(page, room);

    return page;
  }

  const inRoom = (page, room) => {
    const mark = `#rooms button[aria-current="true"] span:text-is("${room}")`;
    return page.waitForSelector(mark, { state: 'attached' });
  };
  const say = async (page, text) => {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  };
  const heard = (page, text) => {
    return page.locator('.message p').getByText(text, { exact: true });
  };
  const state = (page, wanted) => {
    return page.waitForSelector(`body[data-state="${wanted}"]`);
  };

  it('lets two pages talk in one room', async (t) => {
    const ada = await visit(t, 'Ada', 'talk');
    const grace = await visit(t, 'Grace', 'talk');
    await ada.getByText('Grace came in').waitFor();

    await say(ada, 'Hello Grace');
    await heard(grace, 'Hello Grace').waitFor();
    await say(grace, 'Hello Ada');
    await heard(ada, 'Hello Ada').waitFor();

    assert.equal(
      await ada.locator('.message.mine p').innerText(),
      'Hello Grace'
    );
    assert.equal(
      await grace.locator('.message.mine p').innerText(),
      'Hello Ada'
    );
    assert.deepEqual(await grace.locator('#members .name').allInnerTexts(), [
      'Grace',
      'Ada'
    ]);
    assert.equal(await ada.locator('#presence').innerText(), '2 people');
    assert.deepEqual([...ada.faults, ...grace.faults], []);
  });

  it('shows the connections in the panel', async (t) => {
    const pages = [await visit(t, 'Ada', 'figures'), await visit(t, 'Bo', 'f')];

    for (const page of pages) {
      await page.locator('#connections').getByText(/^2$/).waitFor();
      assert.match(await page.locator('#rate').innerText(), /^[\d,]+$/);
      assert.match(await page.locator('#delay').innerText(), /^[\d.]+$/);
      assert.match(
        await page.locator('#module').innerText(),
        new RegExp(`^Served by ws-native ${version.replaceAll('.', '\\.')} `)
      );
    }
  });

  it('keeps rooms apart', async (t) => {
    const ada = await visit(t, 'Ada', 'one');
    const grace = await visit(t, 'Grace', 'two');

    await say(ada, 'only in one');
    await heard(ada, 'only in one').waitFor();
    await say(grace, 'only in two');
    await heard(grace, 'only in two').waitFor();
    await say(ada, 'later in one');
    await heard(ada, 'later in one').waitFor();

    // Each got its own message after the other's: nothing is in flight.
    assert.equal(await heard(grace, 'only in one').count(), 0);
    assert.equal(await heard(ada, 'only in two').count(), 0);

    // On entering the other room, a visitor gets its history.
    await grace.fill('#room-input', 'one');
    await grace.press('#room-input', 'Enter');
    await inRoom(grace, 'one');
    await heard(grace, 'later in one').waitFor();
    assert.equal(await heard(grace, 'only in two').count(), 0);
    await ada.getByText('Grace came in').waitFor();
  });

  it('shows markup as the text that it is', async (t) => {
    const markup = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
    const ada = await visit(t, '<b>Ada</b>', 'markup');
    const grace = await visit(t, 'Grace', 'markup');

    await say(ada, markup);
    await heard(grace, markup).waitFor();
    assert.equal(
      await grace.locator('.message .who b').innerText(),
      '<b>Ada</b>'
    );
    assert.equal(
      await grace.locator('.messages img, .messages p b').count(),
      0
    );
    assert.doesNotMatch(await grace.title(), /owned/);
  });

  it('works on a phone, with the rooms in a drawer', async (t) => {
    const page = await visit(t, 'Ada', 'pocket', {
      viewport: { width: 360, height: 640 },
      isMobile: true,
      hasTouch: true
    });
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - innerWidth'
    );
    assert.equal(overflow, 0);

    assert.equal(await page.locator('#side').isVisible(), false);
    await page.tap('#open-side');
    await page.locator('#room-input').waitFor();
    await page.fill('#room-input', 'another');
    await page.tap('#room-form button');
    await page.locator('#room-name').getByText('another').waitFor();
    await page.locator('#side').waitFor({ state: 'hidden' });

    await page.fill('#text', 'from a phone');
    await page.tap('#composer button');
    await heard(page, 'from a phone').waitFor();
  });

  it('comes back after the server was away', async (t) => {
    const ada = await visit(t, 'Ada', 'again');
    const grace = await visit(t, 'Grace', 'again');
    await say(ada, 'before');
    await heard(grace, 'before').waitFor();

    const { port, program } = current;
    assert.deepEqual(await program.stop('SIGTERM'), { code: 0, signal: null });
    assert.deepEqual(program.errors, []);
    for (const page of [ada, grace]) {
      await state(page, 'away');
      await page.locator('#away').getByText('The server is away').waitFor();
      await page.fill('#text', 'not yet');
      assert.equal(await page.locator('#composer button').isDisabled(), true);
    }

    current = await startDemo(port);
    for (const page of [ada, grace]) {
      await state(page, 'open');
      await page.getByText('You are back').waitFor();
      await page.locator('#presence').getByText('2 people').waitFor();
    }
    // Text that was typed while the server was away can still be sent.
    await ada.press('#text', 'Enter');
    await heard(grace, 'not yet').waitFor();
    assert.equal(await heard(grace, 'before').count(), 1);
  });
});
