/*
 * What the page does besides being read: one recording plays at a time, its place is shown on the waveform and chosen by
 * a click there, a recording that is started while another of the same speaker plays goes on where that was, and a click
 * on the ladder opens the message below it. All of it can be done without: players and messages have controls of their own.
 */
'use strict';

const players = [...document.querySelectorAll('audio')];

for (const figure of document.querySelectorAll('.voice')) {
  const own = [...figure.querySelectorAll('audio')];
  const wave = figure.querySelector('.waveform');
  const heads = [...figure.querySelectorAll('.playhead')];
  if (wave === null || heads.length === 0) continue;
  const seconds = Number(wave.dataset.seconds);
  let last = own[0];

  const show = () => {
    if (last === undefined || !(seconds > 0)) return;
    const place = `${Math.min(100, (100 * last.currentTime) / seconds)}%`;
    for (const head of heads) {
      head.setAttribute('x1', place);
      head.setAttribute('x2', place);
      head.setAttribute('visibility', last.currentTime > 0 ? 'visible' : 'hidden');
    }
  };
  const follow = () => {
    show();
    if (last !== undefined && !last.paused) requestAnimationFrame(follow);
  };

  for (const player of own) {
    player.addEventListener('play', () => {
      const before = own.find((other) => other !== player && !other.paused);
      if (before !== undefined && before.currentTime < player.duration) player.currentTime = before.currentTime;
      for (const other of players) if (other !== player) other.pause();
      last = player;
      follow();
    });
    player.addEventListener('seeked', () => {
      if (player.paused && own.some((other) => !other.paused)) return;
      last = player;
      show();
    });
  }

  figure.querySelector('.wave').addEventListener('click', (event) => {
    if (last === undefined || !(seconds > 0)) return;
    const { left, width } = wave.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
    last.currentTime = Math.min(part * seconds, last.duration || part * seconds);
  });
}

document.querySelector('.ladder')?.addEventListener('click', (event) => {
  const name = event.target.closest('[data-step]')?.dataset.step;
  const message = name ? document.getElementById(name) : null;
  if (message === null) return;
  message.open = true;
  message.querySelector('summary').focus();
});
