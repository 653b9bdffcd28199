'use strict';
const fs = require('fs');

// One line an occurrence, in the file that the operators look into.
module.exports = (line) => fs.appendFileSync(process.env.JOURNAL, line + '\n');
