/** What the sets say of themselves. */
export const ABOUT =
  'Made by `npm run vectors` from the seed named here: the same seed gives the same octets. 0x… are integers, other hex ' +
  'strings octets, messages base64, the rest decimal. getKeys: questions name messages of this file ' +
  '("updates/2/R_MESSAGE_1" is in updates, number 2; "legs/2/…" in legs, number 2; "abandoned/…" in abandoned; others in ' +
  'messages or altered), answers use the names of Xk. The profile is docs/profile.md.';
