/** How fast a backup goes, and how long it will go on. */

/** Fewer ms than this tell nothing. */
const ENOUGH = 1500;

/**
 * @param {Pace | undefined} pace
 * @param {Backup | Job} backup
 * @returns {{speed: number, left: number}} bytes and seconds; 0 = cannot be told
 */
export function measure(pace, backup) {
  const nothing = { speed: 0, left: 0 };
  if (!pace || pace.length < 2) return nothing;
  const first = pace[0];
  const last = pace[pace.length - 1];
  const seconds = (last.at - first.at) / 1000;
  if (seconds * 1000 < ENOUGH) return nothing;
  const speed = Math.max(0, (last.bytes - first.bytes) / seconds);
  if (speed && backup.BytesTotal > backup.BytesDone) {
    return { speed, left: (backup.BytesTotal - backup.BytesDone) / speed };
  }
  const grown = last.fraction - first.fraction;
  const left = first.fraction >= 0 && grown > 0 ? ((1 - last.fraction) / grown) * seconds : 0;
  return { speed, left };
}
