//! Tests of `report`: its page is the same for the same tree, shows faults, and replaces only pages of its own.

use super::Place;

fn generated() -> Place {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    place
}

#[test]
fn the_page_has_every_machine_and_is_reproducible() {
    let place = generated();
    let (code, page, stderr) = place.run(&["report"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for name in ["hongkong", "tokyo", "laptop"] {
        assert!(page.contains(&format!("<th scope=\"row\">{name}</th>")), "{name}");
    }
    assert!(page.contains("<strong>Proven:</strong> 86 flows"), "{page}");
    assert_eq!(place.run(&["report"]).1, page);
    // Nothing is loaded from elsewhere.
    assert_eq!(page.matches("http").count(), page.matches("http-equiv").count(), "{page}");
}

#[test]
fn a_fault_is_shown_and_ends_with_1() {
    let place = generated();
    let conf = place.read("out/nodes/hongkong/wg0.conf");
    place.write("out/nodes/hongkong/wg0.conf", &conf.replace(", 10.244.2.0/24", ""));
    let (code, page, _) = place.run(&["report"]);
    assert_eq!(code, Some(1));
    assert!(page.contains("<code>no-peer-for-address</code>"), "{page}");
    // Without a network there are causes only.
    std::fs::remove_file(place.path().join("out/nodes/tokyo/node.json")).expect("a file");
    let (code, page, _) = place.run(&["report"]);
    assert_eq!(code, Some(1));
    assert!(page.contains("<code>file-missing</code>") && !page.contains("id=\"pairs\""), "{page}");
}

/// An argument of the mesh's files does not become markup.
#[test]
fn texts_of_files_are_escaped() {
    let place = generated();
    let conf = place.read("out/nodes/hongkong/wg0.conf");
    place.write("out/nodes/hongkong/wg0.conf", &conf.replace("Table = off", "Table = <script>"));
    let (code, page, _) = place.run(&["report"]);
    assert_eq!(code, Some(1));
    assert!(!page.contains("= <script>"), "{page}");
    assert!(page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn only_a_page_of_this_command_is_replaced() {
    let place = generated();
    assert_eq!(place.run(&["report", "--to", "report.html"]).0, Some(0));
    let page = place.read("report.html");
    let (code, stdout, stderr) = place.run(&["report", "--to", "report.html"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "", "report.html: written\n"));
    assert_eq!(place.read("report.html"), page);
    place.write("notes.html", "<p>mine</p>\n");
    let (code, _, stderr) = place.run(&["report", "--to", "notes.html"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.starts_with("error: notes.html exists, and is not a page of this command"),
        "{stderr}"
    );
    assert_eq!(place.read("notes.html"), "<p>mine</p>\n");
}

/// What `prove` lists as not judged is on the page too: it claims no more.
#[test]
fn settings_that_are_not_judged_are_listed() {
    let place = generated();
    let (_, page, _) = place.run(&["report"]);
    assert!(!page.contains("id=\"unjudged\""), "{page}");
    let out = crate::testing::repository().join("examples/own-settings/out");
    let out = out.to_str().expect("UTF-8");
    let (_, printed, _) = place.run(&["prove", "--out", out]);
    let (_, listed) = printed.split_once("\nNot judged").expect("a setting");
    let setting = listed.lines().nth(1).expect("a line").trim();
    let (code, page, _) = place.run(&["report", "--out", out]);
    assert_eq!(code, Some(0));
    let (_, section) = page.split_once("id=\"unjudged-title\"").expect("a section");
    assert!(section.contains(&format!("<li>{setting}<br>")), "{setting}: {section}");
}

/// In the words of `plan`.
#[test]
fn the_change_from_another_tree_is_on_the_page() {
    let place = generated();
    place.git(&["init", "-q"]);
    place.git(&["add", "topology.toml", "out"]);
    place.git(&["commit", "-q", "-m", "first"]);
    let (_, page, _) = place.run(&["report", "--from", "HEAD"]);
    assert!(page.contains("<p>no machine and no object of the cluster changes</p>"), "{page}");
    assert_eq!(place.run(&["client", "add", "phone", "-q"]).0, Some(0));
    for verb in ["keys", "generate"] {
        assert_eq!(place.run(&[verb, "-q"]).0, Some(0));
    }
    let (code, page, stderr) = place.run(&["report", "--from", "HEAD"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (_, section) =
        page.split_once("<h2 id=\"change-title\">Change since HEAD</h2>").expect("it");
    let (section, _) = section.split_once("</section>").expect("its end");
    let plan: serde_json::Value =
        serde_json::from_str(&place.run(&["plan", "--format", "json"]).1).expect("JSON");
    let steps = plan["steps"].as_array().expect("an array");
    let items = section.matches("<li>").count();
    assert!(steps.len() > 2 && items > steps.len(), "{section}");
    for step in steps {
        let text =
            step["text"].as_str().expect("a text").replace('\'', "&#x27;").replace('/', "&#x2f;");
        assert!(section.contains(&format!("<li>{text}")), "{text}: {section}");
    }
    let (code, _, stderr) = place.run(&["report", "--from", "none"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: none is not a revision of the repository of "), "{stderr}");
}
