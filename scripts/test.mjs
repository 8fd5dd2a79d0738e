// Every test: those in JavaScript with Node's runner, then those in Rust.
//
//   npm test                      all of them
//   npm test -- closing types     the JavaScript files whose path has one of these
// @ts-check

import { testJavaScript } from './test-javascript.mjs';
import { main, Refusal, run } from './toolchain.mjs';

await main(() => {
  const filters = process.argv.slice(2);
  // Both are run whatever the first says: one wants to see all that is broken.
  const passed = testJavaScript(filters);

  if (filters.length === 0) {
    run('cargo', ['test', '--workspace', '--locked'], { stdio: 'inherit' });
  }

  if (!passed) throw new Refusal('a JavaScript test failed.');
});
