console.log('it ran');
const broken: number = ;
