'use strict';

// puppeteer-core: a client with allowSynchronousEvents false, connected to
// Chromium's DevTools.

const assert = require('node:assert');
const { after, before, describe, it } = require('node:test');
const puppeteer = require('puppeteer-core');

const { assertLoadedBy } = require('./kit/loaded.js');

const executablePath = process.env.CHROMIUM_PATH;
const skip = executablePath ? false : 'there is no Chromium here';

describe('puppeteer-core', { skip }, () => {
  let browser;
  let page;

  before(async () => {
    browser = await puppeteer.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic']
    });
    page = await browser.newPage();
  });

  after(() => browser?.close());

  it('evaluates in a page', async () => {
    await page.setContent('<title>Zoë</title><p>text</p>');
    assert.strictEqual(await page.title(), 'Zoë');
    assert.strictEqual(
      await page.$eval('p', (element) => element.textContent),
      'text'
    );
  });

  it('asks for many things at once', async () => {
    const numbers = Array.from({ length: 200 }, (_, n) => n);

    assert.deepStrictEqual(
      await Promise.all(numbers.map((n) => page.evaluate((x) => x + 1, n))),
      numbers.map((n) => n + 1)
    );
  });

  it('carries a large value there and back', async () => {
    const text = 'lärge '.repeat(500_000);

    assert.strictEqual(await page.evaluate((value) => value, text), text);
  });

  it('hears the page in order', async () => {
    const heard = [];
    const done = new Promise((resolve) => {
      page.on('console', (message) => {
        heard.push(message.text());
        if (heard.length === 300) resolve();
      });
    });

    await page.evaluate(() => {
      for (let n = 0; n < 300; n++) console.log(n);
    });
    await done;
    assert.deepStrictEqual(
      heard,
      Array.from({ length: 300 }, (_, n) => String(n))
    );
  });

  it('takes a picture', async () => {
    const picture = Buffer.from(await page.screenshot());

    assert.strictEqual(picture.subarray(1, 4).toString(), 'PNG');
  });

  it('connects a second time, and notices the browser leaving', async () => {
    const other = await puppeteer.connect({
      browserWSEndpoint: browser.wsEndpoint()
    });
    const gone = new Promise((resolve) => other.once('disconnected', resolve));

    assert.match(await other.version(), /Chrom/);
    await browser.close();
    browser = undefined;
    await gone;
    assert.strictEqual(other.connected, false);
  });

  it('loaded our module', () => assertLoadedBy('puppeteer-core'));
});
