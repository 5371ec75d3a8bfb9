/** Something that is not as it should be. */
export type Condition = {
  /** What it is about, the same for as long as it lasts. */
  key: string;
  /** What kind of thing it is: `problem.no_beat`, `cap.reached`. */
  topic: string;
  /** A sentence for people: what is wrong, and what to do. */
  message: string;
};

export type Alert = Condition & { raised_at: Date; told_at: Date; times: number };

/** A proposal whose decider is reminded. */
export type Reminder = { id: string; minutes: number; times: number };
