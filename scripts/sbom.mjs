// Writes the bill of materials (CycloneDX) of what users get to the file that is named, else to the standard output.
import { writeFileSync } from 'node:fs';
import { billOfMaterials } from './shipped.mjs';

const [file] = process.argv.slice(2);
const bill = billOfMaterials();
const text = `${JSON.stringify(bill, null, 2)}\n`;
if (file === undefined) process.stdout.write(text);
else {
  writeFileSync(file, text);
  console.log(`${bill.components.length} packages of others in ${file}`);
}
