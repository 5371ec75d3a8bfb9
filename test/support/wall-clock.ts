/** What clocks on walls show, minute by minute, and what cron means by it: slow, plain, and without the library. */
type Minute = {
  at: number;
  date: string;
  day: number;
  month: number;
  weekday: number;
  hour: number;
  minute: number;
};

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const windows = new Map<string, Minute[]>();

/** Every minute of some days around a time. */
export function minutesAround(timeZone: string, middle: string, days: number): Minute[] {
  const key = `${timeZone} ${middle} ${days}`;
  const found = windows.get(key);
  if (found) return found;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const begin = Date.parse(middle) - days * 43_200_000;
  const minutes = Array.from({ length: days * 1_440 }, (_, n): Minute => {
    const at = begin + n * 60_000;
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return {
      at,
      date: `${part.year}-${part.month}-${part.day}`,
      day: Number(part.day),
      month: Number(part.month),
      weekday: WEEKDAYS.indexOf(part.weekday ?? ''),
      hour: Number(part.hour),
      minute: Number(part.minute),
    };
  });
  windows.set(key, minutes);
  return minutes;
}

/** A field as numbers, or every so many, or any. */
export type Field = number[] | { step: number } | '*';
export type Fields = { minute: Field; hour: Field; weekday: number[] | '*' };

export function toCron({ minute, hour, weekday }: Fields): string {
  const say = (field: Field) =>
    field === '*' ? '*' : Array.isArray(field) ? field.join(',') : `*/${field.step}`;
  return `${say(minute)} ${say(hour)} * * ${say(weekday)}`;
}

/** The due times among these minutes. */
export function dueAmong(minutes: Minute[], { minute, hour, weekday }: Fields): number[] {
  const isOn = (field: Field, value: number) =>
    field === '*' || (Array.isArray(field) ? field.includes(value) : value % field.step === 0);
  const days = minutes.filter((one) => isOn(weekday, one.weekday));
  if (!Array.isArray(minute) || !Array.isArray(hour))
    return days.filter((one) => isOn(minute, one.minute) && isOn(hour, one.hour)).map((one) => one.at);
  // Times that are named come once on each day: the first time that clocks show them, or as soon as they have passed.
  const due = new Set<number>();
  const begun = new Map<string, Minute[]>();
  for (const one of days) begun.set(one.date, [...(begun.get(one.date) ?? []), one]);
  for (const day of begun.values()) {
    for (const h of hour)
      for (const m of minute) {
        const first = day.find((one) => one.hour === h && one.minute === m);
        const later = day.find((one) => one.hour * 60 + one.minute > h * 60 + m);
        const found = first ?? later;
        if (found) due.add(found.at);
      }
  }
  return [...due].sort((a, b) => a - b);
}
