// The sound of the wake question: three rising notes, again until it is answered. A browser allows
// sound only after a press on the page; until then `ready()` is false and the page says so.

let context = null;
let repeat = null;

const NOTES_HZ = [660, 880, 1100];
const AGAIN_MS = 2500;

export function ready() {
  return context?.state === "running";
}

/** Called in a press: browsers allow sound only then. */
export async function unlock() {
  context ??= new AudioContext();
  await context.resume();
}

/** One round of the notes. */
export function play() {
  if (!ready()) return;
  NOTES_HZ.forEach((hz, i) => {
    const tone = context.createOscillator();
    const level = context.createGain();
    const at = context.currentTime + i * 0.35;
    tone.frequency.value = hz;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(0.5, at + 0.03);
    level.gain.setValueAtTime(0.5, at + 0.25);
    level.gain.linearRampToValueAtTime(0, at + 0.33);
    tone.connect(level).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.35);
  });
}

export function setAlarm(on) {
  if (on === (repeat !== null)) return;
  if (on) {
    play();
    repeat = setInterval(play, AGAIN_MS);
  } else {
    clearInterval(repeat);
    repeat = null;
  }
}
