//! The proof and the lab judge the same broken trees: what the lab catches, `prove` refuses, and with
//! the line; what is changed and not broken, neither does.

use lab::mutants::{self, IN_NO_FILE};
use lab::tree::Tree;
use meshwright::proof::judge::{self, Proof};
use meshwright::proof::report::human;

fn prove(tree: &Tree) -> Proof {
    judge::prove(&tree.files).expect("files in memory can be read")
}

#[test]
fn prove_refuses_what_the_lab_catches() {
    let of_files = mutants::ALL.iter().filter(|mutant| !IN_NO_FILE.contains(&mutant.name));
    let missed = of_files.filter(|mutant| {
        let tree = mutant.tree().expect(mutant.name);
        prove(&tree).holds()
    });
    let missed: Vec<_> = missed.map(|mutant| mutant.name).collect();
    assert_eq!(missed, [""; 0], "the lab catches what prove lets pass");
}

#[test]
fn prove_refuses_nothing_that_is_harmless() {
    for harmless in mutants::HARMLESS {
        let proof = prove(&harmless.tree().expect(harmless.name));
        assert!(proof.holds(), "{}:\n{}", harmless.name, human::table(&proof));
    }
}
