// @ts-check
'use strict';

/**
 * A stream of Node.js's zlib that outlives a message: what goes in is cut into
 * jobs, and each job gets the bytes that came out for it.
 */

const { constants } = require('zlib');

const { PROTOCOL_ERRORS, kStatusCode, protocolError } = require('../errors.js');
const { Fifo } = require('../connection/fifo.js');

const TOO_LONG = PROTOCOL_ERRORS.findIndex(
  ({ code }) => code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
);

/** The close code for data that is not what it claims to be. */
const INVALID_DATA = 1007;

const kJobs = Symbol('jobs');

/**
 * @typedef {(error: Error | null, result?: Buffer) => void} Done
 */

/**
 * @typedef {object} Job
 * @property {any[]} pieces What is to go in
 * @property {boolean} isLast Whether the stream is to forget everything then
 * @property {Done} done Called when all has come out, or never will
 */

/**
 * @typedef {object} Jobs What a stream has been given and has given
 * @property {string} name What errors call it
 * @property {Buffer[]} chunks What has come out for the oldest job
 * @property {number} length How many bytes these are
 * @property {Fifo<Job>} started Those that zlib has been given
 * @property {Fifo<Job>} waiting Those behind a job that is the last
 * @property {boolean} full Whether a job that is the last has been started
 */

/**
 * @param {any} stream A new stream of zlib
 * @param {string} name What errors call it
 * @param {() => number} [getMaxLength] Tells how many bytes the pieces of one
 *   job may have; 0 for any number
 * @returns {any} The same
 */
function open(stream, name, getMaxLength = () => 0) {
  /** @type {Jobs} */
  const jobs = {
    name,
    chunks: [],
    length: 0,
    started: new Fifo(),
    waiting: new Fifo(),
    full: false
  };

  stream[kJobs] = jobs;
  stream.on('data', (/** @type {Buffer} */ chunk) => {
    const maxLength = getMaxLength();

    jobs.length += chunk.length;

    // At once, since a megabyte may become a gigabyte.
    if (maxLength > 0 && jobs.length > maxLength) {
      close(stream, protocolError(TOO_LONG));
    } else {
      jobs.chunks.push(chunk);
    }
  });
  stream.on('error', (/** @type {any} */ error) => {
    error[kStatusCode] = INVALID_DATA;
    close(stream, error);
  });

  return stream;
}

/**
 * Gives a stream a job.
 *
 * @param {any} stream The stream
 * @param {Job} job The job
 * @throws {TypeError} When the first piece is nothing that zlib takes
 */
function feed(stream, job) {
  const /** @type {Jobs} */ jobs = stream[kJobs];

  if (jobs.full) jobs.waiting.push(job);
  else start(stream, job);
}

/**
 * @param {any} stream The stream
 * @param {Job} job The job
 */
function start(stream, job) {
  const /** @type {Jobs} */ jobs = stream[kJobs];

  for (const piece of job.pieces) stream.write(piece);

  jobs.started.push(job);
  jobs.full = job.isLast;
  stream.flush(constants.Z_SYNC_FLUSH, () => finish(stream, job));
}

/**
 * @param {any} stream The stream
 * @param {Job} job Its oldest job, unless it has been closed
 */
function finish(stream, job) {
  const /** @type {Jobs} */ jobs = stream[kJobs];

  if (jobs.started.first !== job) return;

  // By somebody who got at it.
  if (stream.destroyed) {
    close(stream);
    return;
  }

  const result = join(jobs.chunks, jobs.length);

  jobs.chunks = [];
  jobs.length = 0;
  jobs.started.takeFirst();

  // One that has ended by itself is of no use any more.
  if (job.isLast && !stream.readableEnded) {
    // Not while zlib is at work on the next job: it would crash.
    stream.reset();
    startWaiting(stream);
  }

  job.done(null, result);
}

/**
 * Starts the jobs up to the next that is the last.
 *
 * @param {any} stream An idle stream
 */
function startWaiting(stream) {
  const /** @type {Jobs} */ jobs = stream[kJobs];

  jobs.full = false;

  try {
    while (!jobs.full && jobs.waiting.length > 0) {
      // One that cannot be started is told by `close`.
      start(stream, /** @type {Job} */ (jobs.waiting.first));
      jobs.waiting.takeFirst();
    }
  } catch (/** @type {any} */ error) {
    close(stream, error);
  }
}

/**
 * Closes a stream; the jobs that are not done come to nothing.
 *
 * @param {any} stream The stream
 * @param {Error} [error] What they are told
 */
function close(stream, error) {
  const { name, started, waiting } = /** @type {Jobs} */ (stream[kJobs]);
  const reason =
    error ||
    new Error(`The ${name} stream was closed while data was being processed`);

  stream.close();
  for (const { done } of started.take(started.length)) done(reason);
  for (const { done } of waiting.take(waiting.length)) done(reason);
}

/**
 * @param {Buffer[]} chunks
 * @param {number} length That of all together
 * @returns {Buffer}
 */
function join(chunks, length) {
  if (chunks.length === 0) return Buffer.alloc(0);

  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
}

module.exports = { close, feed, open };
