# The functions of nixpkgs' lib that this repository calls, with the same behaviour.
rec {
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatMap
    concatStringsSep
    elem
    filter
    hasAttr
    head
    length
    listToAttrs
    mapAttrs
    replaceStrings
    splitVersion
    toJSON
    ;

  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  mapAttrs' = f: set: listToAttrs (attrValues (mapAttrs f set));
  mapAttrsToList = f: set: attrValues (mapAttrs f set);
  concatMapAttrs = f: set: builtins.foldl' (all: one: all // one) { } (mapAttrsToList f set);
  filterAttrs = keep: set: removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));
  zipAttrsWith = builtins.zipAttrsWith;
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  subtractLists = remove: filter (value: !elem value remove);
  take =
    count: list:
    builtins.genList (builtins.elemAt list) (if count < length list then count else length list);
  unique = builtins.foldl' (seen: value: if elem value seen then seen else seen ++ [ value ]) [ ];

  id = value: value;
  zipListsWith =
    f: one: other:
    builtins.genList (place: f (builtins.elemAt one place) (builtins.elemAt other place)) (
      if length one < length other then length one else length other
    );
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  escapeShellArg = text: "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";

  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  removeSuffix =
    suffix: text:
    if hasSuffix suffix text then
      builtins.substring 0 (builtins.stringLength text - builtins.stringLength suffix) text
    else
      text;
  hasSuffix =
    suffix: text:
    let
      start = builtins.stringLength text - builtins.stringLength suffix;
    in
    start >= 0 && builtins.substring start (-1) text == suffix;
  hasInfix = infix: text: replaceStrings [ infix ] [ "" ] text != text;
  splitString =
    separator: text:
    filter builtins.isString (builtins.split (replaceStrings [ "." ] [ "\\." ] separator) text);
  toInt = builtins.fromJSON;
  versionAtLeast = version: least: builtins.compareVersions version least >= 0;
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);

  recursiveUpdate =
    one: other:
    one
    // mapAttrs (
      name: value:
      if builtins.isAttrs value && builtins.isAttrs (one.${name} or null) then
        recursiveUpdate one.${name} value
      else
        value
    ) other;

  importJSON = path: builtins.fromJSON (builtins.readFile path);
  importTOML = path: builtins.fromTOML (builtins.readFile path);

  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  licenses = genAttrs [ "mit" "asl20" ] (spdxId: {
    inherit spdxId;
  });

  # A file set is a list of paths; a folder includes all files below it.
  fileset = {
    unions = paths: paths;
    toSource =
      { root, fileset }:
      let
        isIncluded =
          path:
          builtins.any (
            included: path == included || hasPrefix "${included}/" path || hasPrefix "${path}/" included
          ) (map toString fileset);
      in
      builtins.path {
        path = root;
        name = "source";
        filter = path: _: isIncluded path;
      };
  };
}
