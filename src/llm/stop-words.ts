/** Words that say nothing about what a text is about. Short on purpose: terms are ranked by count. */
const ENGLISH =
  "a about above after again all also am an and any are aren't as at be because been before being below " +
  "between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during " +
  'each either else etc ever every few for from further get gets got had has have having he her here hers ' +
  "him his how however i i'm if in into is isn't it it's its itself just let like may me might more most " +
  'much must my neither no nor not now of off on once one only or other our ours out over own per please ' +
  "same shall she should since so some still such than that that's the their them then there these they " +
  'this those though through to too under until up upon us use used very via was we were what when where ' +
  'whether which while who whom whose why will with within without would yet you your yours';

const SPANISH =
  'a al algo algunas algunos ante antes aquel aquella aun aunque cada casi como con contra cual cuando de ' +
  'del desde donde dos durante e el ella ellas ellos en entre era eran es esa esas ese eso esos esta estaba ' +
  'estado estar estas este esto estos está están fue fueron ha haber había han hasta hay he la las le les lo ' +
  'los me mi mientras mis mucho muy más ni no nos nosotros o os otra otras otro otros para pero poco por ' +
  'porque pues que qué quien se sea según ser si sido sin sobre solo son su sus sí también tan tanto te ' +
  'tener tiene tienen toda todas todo todos tras tu tus u un una unas uno unos ya y yo él';

const LANGUAGES = [new Set(ENGLISH.split(' ')), new Set(SPANISH.split(' '))] as const;

/** The stop words of the language that the text looks like; of English when neither does. */
export function stopWordsFor(words: string[]): ReadonlySet<string> {
  const [english, spanish] = LANGUAGES;
  let lead = 0;
  for (const word of words) lead += Number(english.has(word)) - Number(spanish.has(word));
  return lead >= 0 ? english : spanish;
}
