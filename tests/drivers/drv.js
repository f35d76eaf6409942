// What the JavaScript programs share: TAP.
let n = 0, failed = 0;

function ok(what, cond, detail) {
  n++;
  console.log(`${cond ? '' : 'not '}ok ${n} - ${what}`);
  if (cond) return;
  failed++;
  console.log(`# ${what}: ${String(detail).replace(/\n/g, ' ')}`);
}
function same(what, got, expected) {
  ok(what, JSON.stringify(got) === JSON.stringify(expected), `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
}
async function raises(what, state, promise) {
  try {
    await promise;
    ok(what, false, 'no error');
  } catch (e) {
    same(what, e.code, state);
  }
}
async function section(name, f) {
  try {
    await f();
  } catch (e) {
    console.error(e);
    ok(`${name} runs`, false, e);
  }
}
// The plan comes last.
function done() {
  console.log(`1..${n}`);
  process.exit(failed ? 1 : 0);
}

module.exports = { ok, same, raises, section, done };
